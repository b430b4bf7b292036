"""The paper's network with one of its two sources withheld: what the other alone can do.

`support-only` is few-shot segmentation, told no sentence; `text-only` is referring segmentation,
shown no support. What is withheld is replaced by zeros in training and in use.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.build import build_model
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.network import Network
from stages.model.prediction import Losses, Prediction, Truth

Source = Literal["sentence", "support"]


class WithheldNetwork(Network):
    """A network that one source is kept from."""

    def __init__(self, network: Network, withheld: Source) -> None:
        super().__init__()
        self.network = network
        self.withheld = withheld
        self.mask_stride = network.mask_stride

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """What the network says of zeros in place of the source."""
        if self.withheld == "sentence":
            words, support = silent(words), replace(support, words=silent(support.words))
        else:
            support = blank(support)
        return self.network(query, words, support, auxiliary=auxiliary)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """The network's own. Without a sentence twins are not told apart."""
        if self.withheld == "sentence":
            truth = replace(truth, twins=())
        return self.network.losses(prediction, truth, options)

    def freeze(self) -> None:
        """What the network itself leaves alone."""
        self.network.freeze()


def silent(words: Words) -> Words:
    """One word that says nothing, for every sentence."""
    return Words(torch.zeros_like(words.tokens[:, :1]), torch.zeros_like(words.sentence))


def blank(support: Support) -> Support:
    """Support frames without content, words and object."""
    first, second, third, fourth = (torch.zeros_like(level) for level in support.frames.maps)
    frames = replace(support.frames, maps=(first, second, third, fourth))
    return Support(frames, silent(support.words), torch.zeros_like(support.masks))


def build_withheld(
    withheld: Source, config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
) -> WithheldNetwork:
    """The network of a configuration without that source."""
    return WithheldNetwork(build_model(config, channels, text_width), withheld)
