"""One clip and its support, without the padding that a batch gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.comparison.correlation import directions
from stages.model.inputs import STRIDES, FramePyramid, Support

COMPARED = (8, 16, 32)  # strides
ABSENT = -20.0  # logit of padding, and of a clip without the kind


@dataclass(frozen=True)
class QueryClip:
    """The frozen maps of T frames of one clip and their cells as directions.

    maps: a stride's [T, C, h, w]. cells: a compared stride's [T, h, w, C].
    """

    maps: Mapping[int, Tensor]
    cells: Mapping[int, Tensor]

    @classmethod
    def of(cls, frames: FramePyramid, row: int) -> QueryClip:
        """Clip number `row` of a batch."""
        height, width = (int(side) for side in frames.size[row])
        maps = {
            stride: frames.at(stride)[row, ..., : -(-height // stride), : -(-width // stride)]
            for stride in STRIDES
        }
        return cls(maps, {stride: directions(maps[stride]) for stride in COMPARED})

    def shape(self, stride: int) -> tuple[int, int]:
        """(h, w) of a stride's map."""
        height, width = self.maps[stride].shape[-2:]
        return height, width


@dataclass(frozen=True)
class SupportClip:
    """The annotated frames of one clip: where the object is, and cells as directions.

    cells: a compared stride's [S, h, w, C]; share: [S, h, w] in [0, 1], how much of a cell the
    mask covers; counted: [S, h, w] bool, cells that are not padding.
    """

    cells: Mapping[int, Tensor]
    share: Mapping[int, Tensor]
    counted: Mapping[int, Tensor]

    @classmethod
    def of(cls, support: Support, row: int) -> SupportClip:
        """Support number `row` of a batch."""
        cells, share, counted = {}, {}, {}
        for stride in COMPARED:
            maps = support.frames.at(stride)[row]
            shape = (maps.shape[-2], maps.shape[-1])
            padding = support.frames.padding_at(*shape)
            ignored = None if padding is None else padding.unflatten(0, (-1, len(maps)))[row]
            cells[stride] = directions(maps, ignored)
            covered = F.adaptive_avg_pool2d(support.masks[row, :, None].float(), shape)[:, 0]
            share[stride] = covered
            counted[stride] = torch.ones_like(covered, dtype=torch.bool)
            if ignored is not None:
                counted[stride] = ~ignored
        return cls(cells, share, counted)


def stack_clips(clips: Sequence[Tensor]) -> Tensor:
    """Logits [T, h_i, w_i] of B clips on one canvas, [B, T, h, w], `ABSENT` beyond each."""
    height, width = (max(clip.shape[axis] for clip in clips) for axis in (1, 2))
    return torch.stack(
        [
            F.pad(clip, (0, width - clip.shape[2], 0, height - clip.shape[1]), value=ABSENT)
            for clip in clips
        ]
    )
