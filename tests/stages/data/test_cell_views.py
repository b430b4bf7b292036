"""Cell views: maps and masks are mirrored and cut alike, between cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stages.data.cell_views import CELL, WHOLE, CellView, random_cell_view

STRIDES = (4, 8, 16, 32)
SIZE = (96, 160)


def test_the_default_changes_nothing() -> None:
    maps = torch.rand(2, 3, 4, 5)
    assert WHOLE.apply(maps, 32) is maps
    assert WHOLE.size(SIZE) == SIZE


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("window", [(0, 0, 0, 0), (1, 2, 2, 3), (0, 1, 3, 2), (1, 0, 2, 5)])
def test_maps_move_with_their_masks(window: tuple[int, int, int, int], flip: bool) -> None:
    view = CellView(flip, *window)
    mask = torch.rand(1, *SIZE)
    seen = view.apply(mask, 1)
    assert tuple(seen.shape[-2:]) == view.size(SIZE)
    for stride in STRIDES:
        # The mean of a cell's pixels is a map whose cells are known to lie over their pixels.
        cells = torch.nn.functional.avg_pool2d(mask, stride)
        torch.testing.assert_close(
            view.apply(cells, stride), torch.nn.functional.avg_pool2d(seen, stride)
        )


def test_mirroring_twice_is_nothing() -> None:
    maps = torch.rand(2, 3, 6, 10)
    assert torch.equal(CellView(True).apply(maps, 16), maps.flip(-1))
    assert torch.equal(CellView(True).apply(CellView(True).apply(maps, 16), 16), maps)


def test_a_frame_that_ends_within_a_cell_ends_there_still() -> None:
    assert CellView(left=1, columns=4).size((100, 150)) == (100, 118)
    assert CellView(left=0, columns=4).size((100, 150)) == (100, 128)
    maps = torch.rand(1, 25, 38)  # stride 4
    assert CellView(left=1, columns=4).apply(maps, 4).shape == (1, 25, 30)


def test_drawn_views_drop_what_they_are_told_from_either_end() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_cell_view(rng, SIZE, 0.5, (1, 2)) for _ in range(200)]
    assert {(v.rows, v.columns) for v in drawn} == {(2, 3)}
    assert {v.top for v in drawn} == {0, 1}
    assert {v.left for v in drawn} == {0, 1, 2}
    assert 0.4 < np.mean([v.flip for v in drawn]) < 0.6
    assert {random_cell_view(rng, SIZE, 0, (0, 0)) for _ in range(20)} == {WHOLE}
    assert all(random_cell_view(rng, SIZE, 1, (0, 0)).flip for _ in range(20))


def test_a_small_frame_keeps_two_cells() -> None:
    rng = np.random.default_rng(0)
    view = random_cell_view(rng, (CELL, 3 * CELL), 0, (5, 5))
    assert (view.top, view.rows, view.columns) == (0, 0, 2)
    assert view.size((CELL, 3 * CELL)) == (CELL, 2 * CELL)
