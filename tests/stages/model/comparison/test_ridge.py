"""The closed-form classifier against least squares, and the clip as its own support."""

from __future__ import annotations

import numpy as np
import torch

from stages.model.comparison.ridge import best_cut, fit, object_cells
from stages.model.comparison.second_support import second_look


def test_fit_is_weighted_least_squares_with_a_penalty() -> None:
    cells, share = torch.randn(40, 6, dtype=torch.float64), torch.rand(40, dtype=torch.float64)
    chosen = (share >= 0.5).numpy()
    weights = np.where(chosen, 0.5 / chosen.sum(), 0.5 / (~chosen).sum())
    rows, wanted = cells.numpy(), 2 * share.numpy() - 1
    gram = rows.T @ (weights[:, None] * rows)
    strength = 0.7 * np.diag(gram).mean()
    padded = np.vstack([np.sqrt(weights)[:, None] * rows, np.sqrt(strength) * np.eye(6)])
    target = np.concatenate([np.sqrt(weights) * wanted, np.zeros(6)])
    expected = np.linalg.lstsq(padded, target, rcond=None)[0]
    assert np.allclose(fit(cells, share, 0.7).numpy(), expected, atol=1e-9)


def test_scores_do_not_depend_on_the_scale_or_basis_of_channels() -> None:
    cells, share = torch.randn(50, 5, dtype=torch.float64), torch.rand(50, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    turned = 3 * cells @ basis
    assert torch.allclose(cells @ fit(cells, share, 2), turned @ fit(turned, share, 2), atol=1e-9)


def test_an_object_smaller_than_a_cell_is_its_most_covered_cell() -> None:
    assert object_cells(torch.tensor([0.0, 0.3, 0.1])).tolist() == [False, True, False]
    assert object_cells(torch.tensor([0.0, 0.0])).tolist() == [False, False]
    assert object_cells(torch.tensor([0.4, 0.5, 0.9])).tolist() == [False, True, True]


def test_the_best_cut_parts_object_and_background() -> None:
    share = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0])
    cut, overlap = best_cut(torch.tensor([-0.5, 0.1, 0.3, 0.6, 0.9]), share)
    assert 0.3 <= cut < 0.6 and overlap == 1
    _, overlap = best_cut(torch.tensor([-0.5, 0.1, 0.7, 0.6, 0.9]), share)
    assert overlap == torch.tensor(2 / 3)


def test_a_second_look_finds_what_is_like_the_surest_cells() -> None:
    """The first look is sure of a corner of the object; the second finds all of it."""
    object_direction, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    cells = other.expand(2, 10, 10, 2).clone()
    cells[:, 2:6, 2:6] = object_direction
    cells = cells - cells.mean((0, 1, 2))
    first = torch.zeros(2, 10, 10)
    first[:, 2:6, 2:6] = 0.1
    first[:, 2:4, 2:3] = 1.0
    found = second_look(first, cells)
    assert found[:, 2:6, 2:6].min() > 0.1 > 0 > found[0, 0, 0]
