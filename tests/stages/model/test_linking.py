"""Queries of a window linked to those of the window before."""

from __future__ import annotations

import torch

from stages.model.inputs import FramePyramid
from stages.model.linking import QueryTrail, follow_queries
from stages.model.prediction import Prediction

FRAMES, QUERIES, OVERLAP = 6, 3, 2


def clip(places: list[list[int]]) -> tuple[Prediction, FramePyramid]:
    """Query q's mask is column `places[t][q]` of four; each query's object has a look of its own,
    in the map at stride 16."""
    masks = torch.full((1, len(places), QUERIES, 4, 4), -5.0)
    maps = torch.zeros(1, len(places), 8, 4, 4)
    for frame, columns in enumerate(places):
        for row, column in enumerate(columns):
            masks[0, frame, row, :, column] = 5.0
            maps[0, frame, row, :, column] = 1.0
    logits = torch.tensor([2.0, 0.0, -2.0]).expand(len(places), QUERIES)[None, ..., None]
    empty = torch.zeros(1, len(places), 1, 1, 1)
    return Prediction(logits, masks), FramePyramid(
        (empty, empty, maps, empty), torch.tensor([[64, 64]])
    )


def reordered(said: Prediction, order: list[int]) -> Prediction:
    return Prediction(said.logits[:, :, order], said.masks[:, :, order])


def test_queries_keep_their_numbers_in_whatever_order_they_come() -> None:
    said, query = clip([[0, 1, 2]] * FRAMES)
    first = follow_queries(said, query, None, OVERLAP)
    assert [found.number for found in first.objects] == [1, 2, 3]
    for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2], [2, 1, 0]):
        second = follow_queries(reordered(said, order), query, first.memory, OVERLAP)
        for before, after in zip(first.objects, second.objects, strict=True):
            assert torch.equal(before.masks, after.masks)
        assert torch.equal(second.masks, first.masks)


def test_objects_that_changed_places_unseen_are_known_by_their_looks() -> None:
    said, query = clip([[0, 1, 2]] * FRAMES)
    first = follow_queries(said, query, None, 0)
    moved, after = clip([[2, 0, 1]] * FRAMES)
    order = [1, 2, 0]
    second = follow_queries(reordered(moved, order), after, first.memory, 0)
    assert torch.equal(second.masks, moved.masks[0, :, 0])


def test_one_window_of_doubt_does_not_change_the_object() -> None:
    said, query = clip([[0, 1, 2]] * FRAMES)
    memory = follow_queries(said, query, None, OVERLAP).memory
    doubtful = Prediction(
        torch.tensor([-0.3, 0.0, 0.3]).expand_as(said.logits[..., 0])[..., None], said.masks
    )
    second = follow_queries(doubtful, query, memory, OVERLAP)
    assert torch.equal(second.masks, said.masks[0, :, 0])
    for _ in range(9):  # what is said again and again is believed
        second = follow_queries(doubtful, query, second.memory, OVERLAP)
    assert torch.equal(second.masks, said.masks[0, :, 2])
    trail = second.memory
    assert isinstance(trail, QueryTrail) and trail.masks.shape == (OVERLAP, QUERIES, 4, 4)
