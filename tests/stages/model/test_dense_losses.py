"""The dense prior's own losses in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stages.model.losses import dense_loss, focal, twin_loss
from stages.model.matcher import LossWeights
from stages.model.targets import Targets


def targets(masks: Tensor) -> Targets:
    """Of masks [B, N, T, h, w]."""
    shape = masks.shape[:3]
    return Targets(masks, torch.zeros(*shape, 4), masks.flatten(3).any(-1))


def two_blocks() -> Targets:
    """A video of two frames, 4 x 4, asked for its left and then for its right block."""
    masks = torch.zeros(2, 1, 2, 4, 4)
    masks[0, 0, :, :2, :2] = 1
    masks[1, 0, :, 2:, 2:] = 1
    return targets(masks)


def test_twins_that_are_not_told_apart_cost_ln_2() -> None:
    logits = torch.randn(1, 2, 4, 4).repeat(2, 1, 1, 1)
    assert float(twin_loss(logits, two_blocks(), [(0, 1)])) == pytest.approx(math.log(2))


@pytest.mark.parametrize("ahead", [-20.0, 1.5, 20.0])
def test_twins_told_apart_cost_what_the_margin_says(ahead: float) -> None:
    true = two_blocks()
    logits = true.masks[:, 0] * ahead  # each sentence is ahead on its own block, and only there
    expected = math.log1p(math.exp(-ahead))
    assert float(twin_loss(logits, true, [(0, 1)])) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_background_does_not_count_among_twins() -> None:
    true = two_blocks()
    logits = true.masks[:, 0] * 2.0
    noisy = logits + torch.randn(2, 2, 4, 4) * 9 * (true.masks.amax((0, 1)) == 0)
    same = twin_loss(noisy, true, [(0, 1)])
    torch.testing.assert_close(same, twin_loss(logits, true, [(0, 1)]))


def test_several_pairs_are_weighed_by_their_cells() -> None:
    masks = torch.zeros(5, 1, 1, 4, 4)
    masks[0, 0, 0, 0, 0] = masks[1, 0, 0, 3, 3] = 1  # 2 cells
    masks[3, 0, 0, :2] = masks[4, 0, 0, 2:] = 1  # 16 cells
    logits = torch.zeros(5, 1, 4, 4)
    logits[0] = 2.0  # ahead of its twin everywhere: right on one cell, wrong on the other
    pairs = [(0, 1), (3, 4)]
    right, wrong = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    expected = (right + wrong + 16 * math.log(2)) / 18
    assert float(twin_loss(logits, targets(masks), pairs)) == pytest.approx(expected, rel=1e-5)


def test_twins_that_are_out_of_sight_cost_nothing() -> None:
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    loss = twin_loss(logits, targets(torch.zeros(2, 1, 1, 4, 4)), [(0, 1)])
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None and not logits.grad.any()


def test_a_perfect_dense_prior_costs_nothing() -> None:
    true = two_blocks()
    logits = (true.masks[:, 0] * 2 - 1) * 30
    assert float(dense_loss(logits, true, LossWeights())) == pytest.approx(0, abs=1e-5)


def test_an_undecided_dense_prior_in_closed_form() -> None:
    weights = LossWeights(mask=2.0, dice=3.0)
    masks = torch.zeros(1, 1, 1, 4, 4)
    masks[..., :4] = torch.tensor([1.0, 0, 0, 0])  # 4 of 16 cells
    found = float(dense_loss(torch.zeros(1, 1, 4, 4), targets(masks), weights))
    # A half everywhere: alpha of the focal loss is 0.25, its gamma 2.
    mask = (0.25 * 4 + 0.75 * 12) / 16 * 0.25 * math.log(2)
    dice = 1 - (2 * 0.5 * 4 + 1) / (8 + 4 + 1)
    assert found == pytest.approx(2 * mask + 3 * dice, rel=1e-5)


def test_clips_weigh_alike_whatever_their_objects_size() -> None:
    masks = torch.zeros(2, 1, 1, 4, 4)
    masks[1] = 1
    logits = torch.randn(2, 1, 4, 4)
    weights = LossWeights()
    both = dense_loss(logits, targets(masks), weights)
    alone = [dense_loss(logits[i : i + 1], targets(masks[i : i + 1]), weights) for i in (0, 1)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)


def test_coarse_logits_are_compared_with_the_share_of_each_cell() -> None:
    masks = torch.zeros(1, 1, 1, 4, 4)
    masks[..., 0, 0] = 1  # a quarter of the first of four cells
    share = torch.tensor([[0.25, 0.0], [0.0, 0.0]])[None, None]
    logits = torch.randn(1, 1, 2, 2)
    only_mask = LossWeights(mask=1.0, dice=0.0)
    expected = focal(logits, share).mean()
    torch.testing.assert_close(dense_loss(logits, targets(masks), only_mask), expected)
