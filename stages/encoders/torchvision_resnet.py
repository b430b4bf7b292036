"""ResNet weights in torchvision's names: what they describe, and transformers' names for them.

torchvision puts the stride of a bottleneck on its 3x3 convolution (ResNet v1.5), which in
transformers' words is `downsample_in_bottleneck = False`.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_IGNORED = ("fc.weight", "fc.bias")
_STEM = re.compile(r"(conv|bn)1\.(\w+)")
_BLOCK = re.compile(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(\w+)")
_SHORTCUT = re.compile(r"layer(\d)\.(\d+)\.downsample\.([01])\.(\w+)")
_PARTS = {"conv": "convolution", "bn": "normalization", "0": "convolution", "1": "normalization"}


def is_torchvision_resnet(state: Mapping[str, Tensor]) -> bool:
    """Whether these are the names of a torchvision ResNet."""
    return "conv1.weight" in state and "layer4.0.conv1.weight" in state


def resnet_config(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of `transformers.ResNetConfig` that the tensors' shapes imply.

    Bottleneck (50, 101, 152) and basic (18, 34) networks; one of another kind (wide, grouped)
    gives a configuration whose shapes the strict load refuses.
    """
    bottleneck = "layer1.0.conv3.weight" in state
    last = "conv3" if bottleneck else "conv2"
    blocks = [match for match in map(_BLOCK.fullmatch, state) if match]
    return {
        "embedding_size": state["conv1.weight"].shape[0],
        "hidden_sizes": [state[f"layer{s}.0.{last}.weight"].shape[0] for s in range(1, 5)],
        "depths": [1 + max(int(m[2]) for m in blocks if m[1] == str(s)) for s in range(1, 5)],
        "layer_type": "bottleneck" if bottleneck else "basic",
        "downsample_in_bottleneck": False,
    }


def backbone_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names of `transformers.ResNetBackbone`.

    Left out, and nothing else: the classifier `fc`. Raises KeyError on a name that a torchvision
    ResNet doesn't have.
    """
    return {_backbone_name(name): state[name] for name in state if name not in _IGNORED}


def _backbone_name(name: str) -> str:
    if stem := _STEM.fullmatch(name):
        return f"embedder.embedder.{_PARTS[stem[1]]}.{stem[2]}"
    if block := _BLOCK.fullmatch(name):
        stage, index, part, number, tensor = block.groups()
        layer = f"encoder.stages.{int(stage) - 1}.layers.{index}.layer.{int(number) - 1}"
        return f"{layer}.{_PARTS[part]}.{tensor}"
    if shortcut := _SHORTCUT.fullmatch(name):
        stage, index, part, tensor = shortcut.groups()
        return f"encoder.stages.{int(stage) - 1}.layers.{index}.shortcut.{_PARTS[part]}.{tensor}"
    raise KeyError(name)
