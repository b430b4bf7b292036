"""Videos whose cells are known: boxes that move, each of a kind with a tint of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.model.inputs import STRIDES, FramePyramid, Support
from stages.model.network import Network
from stages.model.prediction import Followed
from tests.stages.model.comparison.scenes import Box
from tests.stages.model.small import CHANNELS, words

SIZE = (128, 192)
GROUND, KIND = 0, 1  # what a cell's kind may be; a tint is a kind of its own, mixed in
TINT = 0.6


@dataclass(frozen=True)
class Thing:
    """A box in one frame, of the kind, with a tint from 2 to 8."""

    box: Box
    tint: int = 2


def film(frames: Sequence[Sequence[Thing]], noise: float = 0.3) -> FramePyramid:
    """One clip; of two things in a place the later is in front."""
    generator = torch.Generator().manual_seed(5)
    kinds = torch.Generator().manual_seed(3)
    directions = [torch.randn(9, channels, generator=kinds) for channels in CHANNELS]
    maps: list[list[Tensor]] = [[] for _ in STRIDES]
    for things in frames:
        tints = torch.zeros(SIZE, dtype=torch.long)
        for thing in things:
            top, left, bottom, right = thing.box
            tints[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = thing.tint
        for level, stride, direction in zip(maps, STRIDES, directions, strict=True):
            cells = tints[stride // 2 :: stride, stride // 2 :: stride]
            drawn = torch.where(
                cells[..., None] > 0, direction[KIND] + TINT * direction[cells], direction[GROUND]
            )
            level.append(
                drawn.movedim(-1, 0)
                + noise * torch.randn(drawn.shape, generator=generator).movedim(-1, 0)
            )
    first, second, third, fourth = (torch.stack(level)[None] for level in maps)
    return FramePyramid((first, second, third, fourth), torch.tensor([SIZE]))


def support() -> Support:
    """Two frames of an object of the kind, of a tint that no film has."""
    box = (32, 64, 96, 128)
    mask = torch.zeros(1, 2, *SIZE)
    mask[..., box[0] : box[2], box[1] : box[3]] = 1
    return Support(film([[Thing(box, 8)]] * 2), words(1, 4), mask)


def followed(model: Network, clip: FramePyramid, window: int, overlap: int) -> list[Followed]:
    """What a network says of a clip's windows, one after the other."""
    said: list[Followed] = []
    total = clip.maps[0].shape[1]
    for start in range(0, total - overlap, window - overlap):
        part = tuple(level[:, start : start + window] for level in clip.maps)
        query = FramePyramid((part[0], part[1], part[2], part[3]), clip.size)
        memory = said[-1].memory if said else None
        with torch.inference_mode():
            said.append(model.follow(query, words(1, 4), support(), memory, overlap=overlap))
    return said


def joined(parts: Sequence[Tensor], overlap: int) -> Tensor:
    """Windows [T, ...] as one video, shared frames as the later says."""
    return torch.cat([*(part[: len(part) - overlap] for part in parts[:-1]), parts[-1]])


def overlap_of(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of masks [..., h, w]; 1 where both are empty."""
    both = (first & second).flatten(-2).sum(-1)
    either = (first | second).flatten(-2).sum(-1)
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def box_mask(box: Box, stride: int) -> Tensor:
    """Where a box is, [h, w] bool at a stride."""
    drawn = torch.zeros(SIZE, dtype=torch.bool)
    drawn[max(0, box[0]) : box[2], max(0, box[1]) : max(0, box[3])] = True
    return drawn[stride // 2 :: stride, stride // 2 :: stride]
