"""Matching and losses in closed form and against independent implementations."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stages.model import QueryPrediction
from stages.model.losses import compute_losses, dice_loss, draw_cells, focal, mask_loss
from stages.model.matcher import LossWeights, corners, generalised_iou, match, matching_costs
from stages.model.targets import Targets, boxes_of

WEIGHTS = LossWeights()


def random_prediction(clips: int, frames: int, queries: int, seed: int = 0) -> QueryPrediction:
    generator = torch.Generator().manual_seed(seed)
    return QueryPrediction(
        torch.randn(clips, frames, queries, 1, generator=generator),
        boxes=torch.rand(clips, frames, queries, 4, generator=generator) * 0.5 + 0.2,
        masks=torch.randn(clips, frames, queries, 6, 8, generator=generator),
    )


def random_targets(clips: int, objects: int, frames: int, seed: int = 1) -> Targets:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(clips, objects, frames, 24, 32, generator=generator) > 0.7
    masks[..., 16:, :] = False
    return Targets.of(masks, torch.tensor([[24, 32]] * clips), (6, 8), stride=4)


@pytest.mark.parametrize("objects", [1, 2, 3])
def test_matching_is_the_cheapest_assignment(objects: int) -> None:
    prediction, targets = random_prediction(2, 2, 4), random_targets(2, objects, 2)
    costs = matching_costs(prediction, targets, WEIGHTS)
    found = match(prediction, targets, WEIGHTS)
    for clip in range(2):
        cheapest = min(
            itertools.permutations(range(4), objects),
            key=lambda queries: sum(
                float(costs[clip, query, place]) for place, query in enumerate(queries)
            ),
        )
        assert tuple(found[clip].tolist()) == cheapest


def test_equal_queries_are_matched_to_the_first() -> None:
    one = random_prediction(1, 2, 1)
    same = QueryPrediction(
        *(torch.cat([part] * 3, 2) for part in (one.logits, one.masks, one.boxes))
    )
    assert match(same, random_targets(1, 1, 2), WEIGHTS).tolist() == [[0]]


def test_a_perfect_answer_is_chosen_and_costs_next_to_nothing() -> None:
    targets = random_targets(1, 1, 2)
    prediction = random_prediction(1, 2, 4)
    prediction.masks[:, :, 2] = (targets.masks[:, 0] - 0.5) * 60
    prediction.boxes[:, :, 2] = targets.boxes[:, 0]
    prediction.logits[:] = -30.0
    prediction.logits[:, :, 2] = 30.0
    assert match(prediction, targets, WEIGHTS).tolist() == [[2]]
    losses = compute_losses(prediction, targets)
    assert float(losses.total) < 1e-3
    prediction.masks[:, :, 2] *= -1
    assert float(compute_losses(prediction, targets).total) > 1.0


def test_losses_of_a_batch_weigh_clips_by_visible_frames() -> None:
    """Sums over clips divided by the visible frames of all of them."""
    prediction, targets = random_prediction(2, 3, 4), random_targets(2, 1, 3)
    together = compute_losses(prediction, targets)
    alone = []
    for clip in (slice(0, 1), slice(1, 2)):
        part = QueryPrediction(
            prediction.logits[clip], prediction.masks[clip], prediction.boxes[clip]
        )
        target = Targets(targets.masks[clip], targets.boxes[clip], targets.visible[clip])
        alone.append((compute_losses(part, target), int(target.visible.sum())))
    for name, value in together.terms.items():
        summed = sum(float(losses.terms[name]) * visible for losses, visible in alone)
        assert float(value) == pytest.approx(summed / 6, rel=1e-5)


def test_focal_loss_in_closed_form() -> None:
    logits, true = torch.tensor([0.3, -1.2]), torch.tensor([1.0, 0.0])
    share = [1 / (1 + math.exp(-0.3)), 1 / (1 + math.exp(1.2))]
    expected = [
        0.25 * (1 - share[0]) ** 2 * -math.log(share[0]),
        0.75 * share[1] ** 2 * -math.log(1 - share[1]),
    ]
    assert focal(logits, true).tolist() == pytest.approx(expected, rel=1e-5)


def box_grid(box: tuple[int, int, int, int]) -> Tensor:
    left, top, right, bottom = box
    grid = torch.zeros(12, 12, dtype=torch.bool)
    grid[top:bottom, left:right] = True
    return grid


box_strategy = st.tuples(*[st.integers(0, 5)] * 2, *[st.integers(6, 12)] * 2)


@settings(deadline=None)
@given(box_strategy, box_strategy)
def test_generalised_iou_counts_cells(
    first: tuple[int, int, int, int], second: tuple[int, int, int, int]
) -> None:
    one, other = box_grid(first), box_grid(second)
    union = int((one | other).sum())
    around = box_grid(
        (
            min(first[0], second[0]),
            min(first[1], second[1]),
            max(first[2], second[2]),
            max(first[3], second[3]),
        )
    )
    expected = int((one & other).sum()) / union - (int(around.sum()) - union) / int(around.sum())
    found = generalised_iou(torch.tensor(first).float(), torch.tensor(second).float())
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_corners_of_a_centred_box() -> None:
    box = torch.tensor([0.5, 0.4, 0.2, 0.6])
    torch.testing.assert_close(corners(box), torch.tensor([0.4, 0.1, 0.6, 0.7]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=5))
def test_boxes_are_the_tight_bounds(points: list[tuple[int, int]]) -> None:
    mask = torch.zeros(5, 7, dtype=torch.bool)
    for x, y in points:
        mask[y, x] = True
    xs, ys = [x for x, _ in points], [y for _, y in points]
    expected = [
        (min(xs) + max(xs)) / 2,
        (min(ys) + max(ys)) / 2,
        max(xs) - min(xs),
        max(ys) - min(ys),
    ]
    assert boxes_of(mask).tolist() == expected


def test_an_absent_object_has_a_zero_box_and_is_not_visible() -> None:
    targets = Targets.of(
        torch.zeros(1, 2, 8, 8, dtype=torch.bool), torch.tensor([[8, 8]]), (2, 2), stride=4
    )
    assert targets.boxes.abs().sum() == 0
    assert not targets.visible.any()


def layered(seed: int = 0) -> QueryPrediction:
    """A prediction of two clips with two layers before the last."""
    earlier = tuple(random_prediction(2, 3, 4, seed + index) for index in (1, 2))
    return replace(random_prediction(2, 3, 4, seed), auxiliary=earlier)


def test_masks_at_every_cell_drawn_once_lose_as_whole_masks_do() -> None:
    prediction, targets = layered(), random_targets(2, 2, 3)
    whole = compute_losses(prediction, targets)
    drawn = compute_losses(prediction, targets, mask_points=3 * 6 * 8)
    assert set(drawn.terms) == set(whole.terms)
    for name, value in whole.terms.items():
        torch.testing.assert_close(drawn.terms[name], value, msg=name)


def test_drawn_cells_are_of_their_clip_and_never_twice() -> None:
    prediction, targets = random_prediction(2, 3, 4), random_targets(2, 1, 3)
    cells = torch.arange(2 * 3 * 48.0).view(2, 1, 3, 6, 8)  # each its own number
    numbered = replace(targets, masks=cells)
    masks = cells.transpose(1, 2).expand(-1, -1, 4, -1, -1)
    layer, seen = draw_cells(replace(prediction, masks=masks), numbered, 50)
    assert seen.share == pytest.approx(50 / 144)
    for clip in range(2):
        found = seen.masks[clip].flatten()
        assert len(found.unique()) == 50
        assert (found >= clip * 144).all() and (found < (clip + 1) * 144).all()
        for query in range(4):  # all queries are seen where the truth is
            assert torch.equal(layer.masks[clip, 0, query, 0], found)


def test_drawn_masks_lose_as_whole_masks_on_average() -> None:
    """The focal term and both sums of the dice have no bias; the dice's ratio has a small one."""
    torch.manual_seed(0)
    prediction, targets = random_prediction(2, 3, 1), random_targets(2, 1, 3)
    only = torch.zeros(2, 1, dtype=torch.int64)
    draws = [draw_cells(prediction, targets, 40) for _ in range(2000)]
    for loss, close in ((mask_loss, 0.005), (dice_loss, 0.01)):
        whole = float(loss(prediction.masks, targets, only))
        values = torch.stack([loss(layer.masks, seen, only) for layer, seen in draws])
        assert float(values.mean()) == pytest.approx(whole, rel=close)
        assert float(values.std()) > 2 * close * whole  # single draws are no proof


def test_the_last_layer_is_never_drawn() -> None:
    prediction, targets = layered(), random_targets(2, 1, 3)
    whole = compute_losses(prediction, targets)
    drawn = compute_losses(prediction, targets, mask_points=5)
    for name, value in whole.terms.items():
        if not name.endswith(("_0", "_1")):
            assert torch.equal(drawn.terms[name], value)
    assert any(not torch.equal(drawn.terms[name], value) for name, value in whole.terms.items())
