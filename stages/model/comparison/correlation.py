"""Dense correlations: how alike cells of two clips are in a frozen encoder's own directions.

The frozen maps of two objects of one kind are alike even where no training kind is, so what is
read from cosines carries over to unseen kinds (HSNet, Min et al., 2021). Each clip's mean is taken
off first: what all of its cells share says nothing about any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

PARTS = 5  # of the support's cells; the best of each counts alike
CHUNK = 1024  # rows of cosines held at once


def directions(maps: Tensor, ignored: Tensor | None = None) -> Tensor:
    """Cells of one clip as directions around its mean, [T, h, w, C].

    Args:
        maps: [T, C, h, w] of a frozen encoder.
        ignored: [T, h, w] bool, padding, which does not count for the mean; or None.
    """
    cells = F.normalize(maps.float().movedim(1, -1), dim=-1)
    counted = cells if ignored is None else cells[~ignored]
    return cells - counted.reshape(-1, cells.shape[-1]).mean(0)


def joined(levels: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
    """Directions of several strides, each [T, h_i, w_i, C_i], side by side on one grid.

    Returns:
        [T, h, w, sum of C_i].
    """
    return torch.cat([on_grid(level, shape) for level in levels], dim=-1)


def on_grid(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Cells [T, h, w, C] on another grid (h', w'): averaged to a coarser, bilinear to a finer."""
    if tuple(cells.shape[1:3]) == shape:
        return cells
    return resized(cells.movedim(-1, 1), shape).movedim(1, -1)


def resized(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same of maps [T, C, h, w]."""
    if maps.shape[-2] >= shape[0]:
        return F.adaptive_avg_pool2d(maps, shape)
    return F.interpolate(maps, size=shape, mode="bilinear", align_corners=False)


def nearest(cells: Tensor, others: Tensor) -> Tensor:
    """How alike each of cells [N, C] is to the most alike of others [K, C]: [N] in [-1, 1].

    The others are dealt out to `PARTS` parts, and the cosines to the best of each are averaged. A
    single best would be noise, and this is a fifth of the time of the five best of all. -1 where
    there are no others.
    """
    if not len(others):
        return cells.new_full((len(cells),), -1.0)
    parts = min(PARTS, len(others))
    columns = F.normalize(others, dim=-1)[: len(others) // parts * parts]
    columns = columns.unflatten(0, (-1, parts)).transpose(0, 1).flatten(0, 1).T.contiguous()
    rows = F.normalize(cells, dim=-1).split(CHUNK)
    best = [(row @ columns).unflatten(-1, (parts, -1)).amax(-1).mean(-1) for row in rows]
    return torch.cat(best)
