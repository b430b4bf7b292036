"""A kind of object as the frozen encoders see it: what of a support folder a network needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs.schema import EncoderConfig, FeaturesConfig
from stages.feeding.batches import stack_pyramids
from stages.model.inputs import FramePyramid, Support, Words


@dataclass(frozen=True)
class SeenBy:
    """What a frame's maps depend on beside the frame."""

    vision_digest: str
    channels: tuple[int, int, int, int]
    precision: str
    short_side: int
    long_side: int

    @classmethod
    def of(
        cls,
        vision_digest: str,
        channels: tuple[int, int, int, int],
        encoder: EncoderConfig,
        features: FeaturesConfig,
    ) -> SeenBy:
        """As a run's configuration says it, of the encoder that is loaded."""
        sides = (features.short_side, features.long_side)
        return cls(vision_digest, channels, encoder.precision, *sides)


@dataclass(frozen=True)
class EncodedSupport:
    """S annotated frames of another video, encoded one by one.

    Attributes:
        names: of the frames.
        maps: of each frame, four maps [1, C, h, w] at strides 4, 8, 16 and 32.
        masks: of each frame, bool [H, W] at network input size, none empty.
        expression: the sentence about the marked object, clean.
        category: the kind's name where the support says one.
    """

    names: tuple[str, ...]
    maps: tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]
    masks: tuple[NDArray[np.bool_], ...]
    expression: str
    category: str | None = None

    def as_input(self, words: Words) -> Support:
        """What a network is given, S frames on one canvas; `words` is the sentence's states.

        All of it lies where the words do.
        """
        device = words.tokens.device
        sizes = [(mask.shape[0], mask.shape[1]) for mask in self.masks]
        stacked = stack_pyramids([[m.to(device) for m in maps] for maps in self.maps], sizes)
        height, width = _canvas(stacked)
        masks = torch.zeros(1, len(sizes), height, width)
        for row, (mask, (h, w)) in enumerate(zip(self.masks, sizes, strict=True)):
            masks[0, row, :h, :w] = torch.from_numpy(mask)
        return Support(as_clip(stacked), words, masks.to(device))


def _canvas(stacked: FramePyramid) -> tuple[int, int]:
    if stacked.padding is not None:
        return stacked.padding.shape[-2], stacked.padding.shape[-1]
    height, width = stacked.size.amax(0).tolist()
    return height, width


def as_clip(frames: FramePyramid) -> FramePyramid:
    """S clips of one frame, [S, 1, ...], as one clip of S frames, [1, S, ...]."""
    first, second, third, fourth = (level.transpose(0, 1) for level in frames.maps)
    padding = None if frames.padding is None else frames.padding.transpose(0, 1)
    return FramePyramid((first, second, third, fourth), frames.size[:1], padding)


def four(maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The maps of one frame."""
    first, second, third, fourth = maps
    return first, second, third, fourth
