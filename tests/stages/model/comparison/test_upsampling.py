"""Upsampling keeps what is flat and follows the edges of the finest map."""

from __future__ import annotations

import torch

from stages.model.comparison.upsampling import neighbours, on_fine_grid, upsample


def test_a_flat_mask_stays_flat() -> None:
    fine = upsample(torch.full((1, 5, 7), 0.7), torch.rand(1, 6, 10, 14))
    assert torch.allclose(fine, torch.full((1, 10, 14), 0.7), atol=1e-6)


def test_an_odd_side_ends_where_the_finest_map_does() -> None:
    assert upsample(torch.rand(1, 5, 7), torch.rand(1, 6, 9, 13)).shape == (1, 9, 13)


def test_the_edge_of_the_finest_map_is_followed() -> None:
    """The object ends in the middle of coarse column 3; the fine mask puts the edge there."""
    finest = torch.zeros(1, 2, 12, 16)
    finest[:, 0, :, :7] = 1
    finest[:, 1, :, 7:] = 1
    coarse = torch.full((1, 6, 8), -2.0)
    coarse[..., :3] = 2.0
    coarse[..., 3] = 0.0
    fine = upsample(coarse, finest)
    assert (fine[0, :, :7] > 0).all() and (fine[0, :, 7:] < 0).all()


def test_neighbours_are_in_reading_order() -> None:
    cells = torch.arange(12.0).view(1, 1, 3, 4)
    assert neighbours(cells)[0, 0, :, 1, 1].tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert neighbours(cells)[0, 0, :, 0, 0].tolist() == [0, 0, 1, 0, 0, 1, 4, 4, 5]
    fine = on_fine_grid(neighbours(cells), (5, 8))
    assert fine.shape == (1, 1, 9, 5, 8) and fine[0, 0, 4, 2, 3] == cells[0, 0, 1, 1]
