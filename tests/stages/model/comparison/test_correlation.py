"""Cosines against plain loops."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stages.model.comparison.correlation import PARTS, directions, joined, nearest, resized


def test_directions_are_unit_cells_around_the_clips_mean() -> None:
    maps = torch.randn(2, 3, 4, 5)
    unit = F.normalize(maps, dim=1)
    expected = unit - unit.mean((0, 2, 3), keepdim=True)
    assert torch.allclose(directions(maps), expected.movedim(1, -1), atol=1e-6)
    assert torch.allclose(directions(7.0 * maps), directions(maps), atol=1e-5)


def test_ignored_cells_do_not_count_for_the_mean() -> None:
    maps = torch.randn(2, 3, 4, 5)
    ignored = torch.zeros(2, 4, 5, dtype=torch.bool)
    ignored[:, :, 3:] = True
    assert torch.allclose(directions(maps, ignored)[:, :, :3], directions(maps[..., :3]), atol=1e-6)


def test_nearest_averages_the_best_of_each_part() -> None:
    cells, others = torch.randn(6, 4), torch.randn(4 * PARTS, 4)
    cosines = F.cosine_similarity(cells[:, None], others[None], dim=-1)
    expected = torch.stack([cosines[:, part::PARTS].amax(1) for part in range(PARTS)]).mean(0)
    assert torch.allclose(nearest(cells, others), expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_few_others_all_count(count: int) -> None:
    cells, others = torch.randn(6, 4), torch.randn(count, 4)
    expected = F.cosine_similarity(cells[:, None], others[None], dim=-1).mean(1)
    assert torch.allclose(nearest(cells, others), expected, atol=1e-6)


def test_nothing_is_like_no_others() -> None:
    assert nearest(torch.randn(3, 4), torch.zeros(0, 4)).tolist() == [-1.0] * 3


def test_levels_are_joined_on_one_grid() -> None:
    coarse, fine = torch.rand(1, 2, 3, 2), torch.rand(1, 4, 6, 5)
    both = joined([coarse, fine], (4, 6))
    assert both.shape == (1, 4, 6, 7)
    assert torch.equal(both[..., 2:], fine)
    expected = F.interpolate(coarse.movedim(-1, 1), (4, 6), mode="bilinear", align_corners=False)
    assert torch.equal(both[..., :2], expected.movedim(1, -1))
    assert torch.allclose(resized(fine.movedim(-1, 1), (2, 3)).mean(), fine.mean())
