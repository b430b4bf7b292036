"""Clips whose cells are one of a few kinds, so that what a comparison must find is known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.model.inputs import STRIDES, FramePyramid, Support
from tests.stages.model.small import CHANNELS, words

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels


def scene(
    boxes: Sequence[tuple[int, Box]], frames: int = 2, size: tuple[int, int] = (128, 192)
) -> FramePyramid:
    """One clip: kind 0 everywhere but in boxes, each of its kind; a little noise on all."""
    generator = torch.Generator().manual_seed(len(boxes))
    kinds = torch.Generator().manual_seed(3)
    directions = [torch.randn(9, channels, generator=kinds) for channels in CHANNELS]
    drawn = torch.zeros(size, dtype=torch.long)
    for kind, (top, left, bottom, right) in boxes:
        drawn[top:bottom, left:right] = kind
    maps = []
    for stride, direction in zip(STRIDES, directions, strict=True):
        start = stride // 2
        level = direction[drawn[start::stride, start::stride]].movedim(-1, 0)
        level = level.expand(frames, *level.shape).clone()
        maps.append((level + 0.05 * torch.randn(level.shape, generator=generator))[None])
    first, second, third, fourth = maps
    return FramePyramid((first, second, third, fourth), torch.tensor([size]))


def mask(box: Box, frames: int = 2, size: tuple[int, int] = (128, 192)) -> Tensor:
    """Where a box is, [1, T, H, W] in {0, 1}."""
    drawn = torch.zeros(1, frames, *size)
    drawn[..., box[0] : box[2], box[1] : box[3]] = 1
    return drawn


def shown(kind: int, box: Box = (32, 64, 96, 128)) -> Support:
    """A support of one object of a kind."""
    return Support(scene([(kind, box)]), words(1, 4), mask(box))


def stacked(clips: Sequence[FramePyramid]) -> FramePyramid:
    """Clips of one size as one batch."""
    first, second, third, fourth = (
        torch.cat(level) for level in zip(*(clip.maps for clip in clips), strict=True)
    )
    return FramePyramid((first, second, third, fourth), torch.cat([clip.size for clip in clips]))
