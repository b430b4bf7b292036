"""Coarse mask: a small convolutional network reads the cues of a clip, and nothing else.

It sees no channel of an encoder, so what it learns of shapes, of noise and of which cue to trust
when holds for kinds, and for encoders, that it was never trained on. Frames vote together: each
block is told what the whole clip holds on average and at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.comparison.cues import STANDS_OUT, STEEPNESS
from stages.model.layers import Perceptron, Stack

DILATIONS = (1, 2, 4)
NORM_GROUPS = 4


@dataclass(frozen=True)
class CoarseMask:
    """At stride 8: features [T, C, h, w], mask logits [T, h, w], presence logits [T]."""

    features: Tensor
    logits: Tensor
    presence: Tensor


class ClipBlock(nn.Module):
    """Two convolutions around a cell, and what the clip holds, added to it."""

    def __init__(self, *, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(NORM_GROUPS, width)
        self.around = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.clip = nn.Linear(2 * width, width)
        self.output = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """[T, C, h, w] to the same."""
        held = self.clip(summary(features).mean(0))
        inner = F.relu(self.around(F.relu(self.norm(features))) + held[:, None, None])
        return features + self.output(inner)


class CoarseMaskHead(nn.Module):
    """Cue maps to a mask, and whether the clip shows the kind at all."""

    def __init__(self, *, cues: int, width: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(cues, width, 3, padding=1)
        self.blocks = Stack(ClipBlock(width=width, dilation=dilation) for dilation in DILATIONS)
        self.output = nn.Conv2d(width, 1, 1)
        self.shortcut = nn.Conv2d(cues, 1, 1)
        self.presence = Perceptron(4 * width, width, 1)
        self.start_as_similarity()

    @torch.no_grad()
    def start_as_similarity(self) -> None:
        """Begin with the mask that needs no training: where the last look's score stands out."""
        for convolution in (self.shortcut, self.output):
            nn.init.zeros_(convolution.weight)
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
        assert self.shortcut.bias is not None
        self.shortcut.weight[:, -1] = STEEPNESS
        self.shortcut.bias.fill_(-STEEPNESS * STANDS_OUT)

    def forward(self, cues: Tensor) -> CoarseMask:
        """Cues [T, K, h, w] of one clip."""
        features = self.input(cues)
        for block in self.blocks:
            features = block(features)
        features = F.relu(features)
        logits = self.output(features) + self.shortcut(cues)
        frames = summary(features)
        seen = torch.cat((frames, frames.mean(0, keepdim=True).expand_as(frames)), dim=-1)
        return CoarseMask(features, logits[:, 0], self.presence(seen)[:, 0])


def summary(features: Tensor) -> Tensor:
    """Mean and maximum of each frame [T, C, h, w]: [T, 2 C]."""
    return torch.cat((features.mean((-2, -1)), features.amax((-2, -1))), dim=-1)
