"""The networks there are, by the name that `model.network` gives them.

A baseline is one module with a `Network` in it, one line here and one preset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from configs.model import ModelConfig
from stages.model.baselines.danet import build_danet
from stages.model.baselines.lbdt import LbdtNetwork
from stages.model.baselines.mttr import MttrNetwork
from stages.model.baselines.referformer import ReferFormer
from stages.model.baselines.withheld import build_withheld
from stages.model.build import build_model
from stages.model.comparison.affinity_network import build_affinity_network
from stages.model.comparison.similarity_network import SimilarityNetwork
from stages.model.network import Network

Channels = tuple[int, int, int, int]  # of the vision encoder's maps at strides 4, 8, 16 and 32

NETWORKS: Mapping[str, Callable[[ModelConfig, Channels, int], Network]] = MappingProxyType(
    {
        "fsrvos": build_model,
        "affinity": build_affinity_network,
        "similarity": lambda config, channels, text_width: SimilarityNetwork(config),
        "danet": build_danet,
        "referformer": ReferFormer,
        "mttr": MttrNetwork,
        "lbdt": LbdtNetwork,
        "support-only": partial(build_withheld, "sentence"),
        "text-only": partial(build_withheld, "support"),
    }
)

UNTRAINED = frozenset({"similarity"})  # networks without weights, which no run folder holds


def build_network(config: ModelConfig, channels: Channels, text_width: int) -> Network:
    """The network that a configuration names, initialised from torch's global random state.

    Args:
        channels: of the vision encoder's maps at strides 4, 8, 16 and 32.
        text_width: of the text encoder's states.
    """
    return NETWORKS[config.network](config, channels, text_width)
