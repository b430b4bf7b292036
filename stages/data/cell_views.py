"""Augmentation of cached maps themselves: mirrored, and cropped by whole cells.

It costs nothing in the cache, and it is not the truth: a network that is fed a mirrored image does
not say the mirror image of what it says of the image (24 to 36 % relative difference), and a cell
of a cropped map still knows what lay outside. Views (views.py) change the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

CELL = 32  # pixels; of the coarsest map, so that every map is cut between cells
_FEWEST = 2  # cells left of each side


@dataclass(frozen=True)
class CellView:
    """What is done to a clip's maps and masks. The default does nothing.

    flip: left and right change places; where the width is no multiple of 32, a map is off by less
    than one of its cells. top, left, rows, columns: what is kept, in cells of 32 pixels; 0 rows
    or columns keep all from there on.
    """

    flip: bool = False
    top: int = 0
    left: int = 0
    rows: int = 0
    columns: int = 0

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(H, W) in pixels of what is left of frames of `size`."""
        height, width = size
        rows, columns = self._window(1)
        return len(range(height)[rows]), len(range(width)[columns])

    def apply(self, maps: Tensor, stride: int) -> Tensor:
        """Maps [..., h, w] whose cells are `stride` pixels apart; a mask has stride 1."""
        if self == WHOLE:
            return maps
        rows, columns = self._window(stride)
        kept = maps[..., rows, columns]
        return kept.flip(-1) if self.flip else kept

    def _window(self, stride: int) -> tuple[slice, slice]:
        def side(first: int, count: int) -> slice:
            cells = CELL // stride
            return slice(first * cells, (first + count) * cells if count else None)

        return side(self.top, self.rows), side(self.left, self.columns)


WHOLE = CellView()


def random_cell_view(
    rng: np.random.Generator, size: tuple[int, int], flip: float, dropped: tuple[int, int]
) -> CellView:
    """A cell view of frames of `size` (H, W).

    flip: chance of being mirrored. dropped: rows and columns to cut off, from either end; fewer
    where the frame is small.
    """
    mirrored = bool(rng.random() < flip)
    cells = [-(-side // CELL) for side in size]
    cut = [max(0, min(d, c - _FEWEST)) for d, c in zip(dropped, cells, strict=True)]
    top, left = (int(rng.integers(d + 1)) for d in cut)
    rows, columns = (c - d if d else 0 for c, d in zip(cells, cut, strict=True))
    return CellView(mirrored, top, left, rows, columns)
