"""Similarity prior: how much each query cell looks like the support's object, before any learning.

The frozen maps of two objects of one kind are alike even where no training category is, so their
cosine similarity carries over to unseen categories. After Tian et al., "PFENet", 2020, with the
support's background as the yardstick: a cell counts as similar where it is more like the object
than like what surrounds it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.inputs import FramePyramid, Support

PRIOR_STRIDES = (16, 32)
CUES = 4  # channels a stride
EPSILON = 1e-6
NEAREST = 4  # support cells averaged for "like some part of it"
OBJECT_SHARE = 0.5  # of a cell that the mask covers, from which it counts as object
GROUND_SHARE = 0.25  # below which it counts as background


class SimilarityPrior(nn.Module):
    """The similarities as channels, and the linear layers that hand them to the network."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(CUES * len(PRIOR_STRIDES), width)
        self.shortcut = nn.Linear(CUES * len(PRIOR_STRIDES), 1, bias=False)

    def forward(
        self, maps: Sequence[Tensor], query: FramePyramid, support: Support
    ) -> tuple[list[Tensor], Tensor]:
        """The levels' cells [B, T, h, w, C], finest first, with the similarities added; and the
        similarities' own share [B, T, h, w] in the dense prior of the finest level."""
        with torch.no_grad():
            cues = self.cues(query, support, _shape(maps[0]))
        added = [cells + self.linear(_resize(cues, _shape(cells))) for cells in maps]
        return added, self.shortcut(cues)[..., 0]

    def cues(self, query: FramePyramid, support: Support, shape: tuple[int, int]) -> Tensor:
        """All strides' cues on one grid, [B, T, h, w, 8]."""
        cues = []
        for stride in PRIOR_STRIDES:
            cells = query.at(stride).float()
            seen = support.frames.at(stride).float()
            share = F.interpolate(support.masks.float(), size=seen.shape[-2:], mode="area")
            ignored = support.frames.padding_at(*seen.shape[-2:])
            if ignored is not None:
                ignored = ignored.unflatten(0, seen.shape[:2])
            padding = query.padding_at(*cells.shape[-2:])
            found = similarities(cells, seen, share, ignored)
            cues.append(_resize(stand_out(found, padding), shape))
        return torch.cat(cues, dim=-1)


def similarities(cells: Tensor, seen: Tensor, share: Tensor, ignored: Tensor | None) -> Tensor:
    """Three cosines of every query cell [B, T, h, w, 3].

    To its nearest object cells; that less the same for the background; to the mean of the object.
    A support without any object cell gives -1 for the first.

    Args:
        cells: [B, T, C, h, w] of the query.
        seen: [B, S, C, h', w'] of the support.
        share: [B, S, h', w'] in [0, 1], how much of each support cell the mask covers.
        ignored: [B, S, h', w'] bool, padding, or None.
    """
    mean = _centre(seen, ignored)
    rows = F.normalize((cells - mean).movedim(2, -1).flatten(1, 3), dim=-1)
    columns = (seen - mean).movedim(2, -1).flatten(1, 3)
    directions = F.normalize(columns, dim=-1)
    share = share.flatten(1)
    is_object, is_ground = share >= OBJECT_SHARE, share < GROUND_SHARE
    if ignored is not None:
        is_object, is_ground = is_object & ~ignored.flatten(1), is_ground & ~ignored.flatten(1)
    cosines = rows @ directions.transpose(1, 2)
    near_object, near_ground = _nearest(cosines, is_object), _nearest(cosines, is_ground)
    to_object = _to_mean(rows, columns, share * is_object)
    cues = torch.stack((near_object, near_object - near_ground, to_object), dim=-1)
    return cues.unflatten(1, (cells.shape[1], *cells.shape[3:]))


def stand_out(cosines: Tensor, padding: Tensor | None) -> Tensor:
    """How far each cell stands out of its clip, in standard deviations, and the first cosine.

    How alike two objects of one kind are differs by kind; that the object's cells are the most
    alike of their clip does not, so this is what carries over to an unseen kind.

    Args:
        cosines: [B, T, h, w, n].
        padding: [B*T, h, w] bool, cells that do not count, or None.

    Returns:
        [B, T, h, w, n + 1].
    """
    counted = torch.ones_like(cosines[..., :1])
    if padding is not None:
        counted = (~padding).view(counted.shape).to(cosines.dtype)
    total = counted.sum((1, 2, 3), keepdim=True)
    mean = (cosines * counted).sum((1, 2, 3), keepdim=True) / total
    spread = ((cosines - mean).square() * counted).sum((1, 2, 3), keepdim=True) / total
    return torch.cat(((cosines - mean) * (spread + EPSILON).rsqrt(), cosines[..., :1]), dim=-1)


def _centre(seen: Tensor, ignored: Tensor | None) -> Tensor:
    """Mean [B, 1, C, 1, 1] of the support's cells, padding left out."""
    if ignored is None:
        return seen.mean((1, 3, 4), keepdim=True)
    counted = (~ignored)[:, :, None].to(seen.dtype)
    total = (seen * counted).sum((1, 3, 4), keepdim=True)
    return total / counted.sum((1, 3, 4), keepdim=True)


def _nearest(cosines: Tensor, chosen: Tensor) -> Tensor:
    """Mean of each row's greatest cosines among the chosen columns, -1 for those it lacks."""
    among = cosines.masked_fill(~chosen[:, None], -1.0)
    return among.topk(min(NEAREST, among.shape[-1]), dim=-1).values.mean(-1)


def _to_mean(rows: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    """Cosine of each row [B, N, C] to the weighted mean of columns [B, K, C]; 0 without weight."""
    mean = F.normalize((weights[..., None] * columns).sum(1), dim=-1)
    return (rows * mean[:, None]).sum(-1)


def _shape(cells: Tensor) -> tuple[int, int]:
    return cells.shape[2], cells.shape[3]


def _resize(cues: Tensor, shape: tuple[int, int]) -> Tensor:
    """[B, T, h, w, n] on another grid: averaged down, bilinear up."""
    if cues.shape[2:4] == shape:
        return cues
    maps = cues.flatten(0, 1).permute(0, 3, 1, 2)
    if shape[0] <= cues.shape[2]:
        maps = F.interpolate(maps, size=shape, mode="area")
    else:
        maps = F.interpolate(maps, size=shape, mode="bilinear", align_corners=False)
    return maps.permute(0, 2, 3, 1).unflatten(0, cues.shape[:2])
