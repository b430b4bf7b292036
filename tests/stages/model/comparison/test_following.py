"""Objects of a video from window to window: the same one, gone and back, and past a twin."""

from __future__ import annotations

import pytest
import torch

from stages.model.comparison.following import Trail
from stages.model.comparison.memory import FIRST, LATEST
from tests.stages.model.comparison.films import (
    Thing,
    box_mask,
    film,
    followed,
    joined,
    overlap_of,
    support,
)
from tests.stages.model.comparison.test_networks import network
from tests.stages.model.small import words

WINDOW, OVERLAP = 8, 2


def walking(frame: int, period: int = 22) -> tuple[int, int, int, int]:
    """To and fro, as in a looped clip."""
    step = frame % period
    step = min(step, period - step)
    return (32, 8 + 8 * step, 88, 64 + 8 * step)


@pytest.mark.parametrize("name", ["similarity", "affinity"])
def test_a_looped_clip_is_as_steady_between_windows_as_inside(name: str) -> None:
    model = network(name, sentence_choice=False).eval()
    boxes = [walking(frame) for frame in range(66)]
    said = followed(model, film([[Thing(box)] for box in boxes]), WINDOW, OVERLAP)
    stride = 192 // said[0].masks.shape[-1]
    masks = joined([window.masks for window in said], OVERLAP) > 0
    steady = overlap_of(masks[1:], masks[:-1])
    edges = torch.arange(WINDOW - OVERLAP - 1, 65, WINDOW - OVERLAP)
    inside = torch.ones(65, dtype=torch.bool)
    inside[edges] = False
    assert steady[edges].mean() >= steady[inside].mean() - 0.01
    true = torch.stack([box_mask(box, stride) for box in boxes])
    assert overlap_of(masks, true).mean() > 0.75
    assert {tuple(found.number for found in window.objects) for window in said} == {(1,)}


def test_an_object_may_leave_for_thirty_frames_and_return() -> None:
    """Presence by the first look: a judge of masks that was not trained knows nothing of it."""
    model = network(sentence_choice=False, mask_quality=False).eval()
    frames = [[Thing(walking(frame))] for frame in range(20)]
    frames += [[] for _ in range(30)]
    frames += [[Thing(walking(frame))] for frame in range(8, 22)]
    said = followed(model, film(frames), WINDOW, OVERLAP)
    masks = joined([window.masks for window in said], OVERLAP) > 0
    presence = joined([window.presence for window in said], OVERLAP)
    assert not masks[20:50].any()
    assert (presence[20:50] < 0).all() and (presence[:20] > 0).all() and (presence[50:] > 0).all()
    stride = 192 // masks.shape[-1]
    for frame in (*range(20), *range(50, 64)):
        assert overlap_of(masks[frame], box_mask(frames[frame][0].box, stride)) > 0.6, frame
    assert {found.number for window in said for found in window.objects} == {1}


def test_twins_that_cross_keep_their_numbers() -> None:
    model = network(sentence_choice=False).eval()
    frames = [
        [Thing((32, 136 - 4 * t, 80, 176 - 4 * t), 4), Thing((40, 4 * t, 88, 40 + 4 * t), 3)]
        for t in range(36)
    ]
    said = followed(model, film(frames), WINDOW, OVERLAP)
    stride = 192 // said[0].masks.shape[-1]
    first, last = said[0].objects, said[-1].objects
    assert [found.number for found in first] == [found.number for found in last] == [1, 2]
    for thing, after in zip(frames[0], frames[-1], strict=True):
        there = box_mask(thing.box, stride)
        overlaps = [float(overlap_of(found.masks[0] > 0, there)) for found in first]
        assert max(overlaps) > 0.8
        own = last[overlaps.index(max(overlaps))].masks[-1] > 0
        assert overlap_of(own, box_mask(after.box, stride)) > 0.8


def test_what_is_kept_of_a_video_does_not_grow_with_it() -> None:
    model = network(sentence_choice=False).eval()
    said = followed(model, film([[Thing(walking(frame))] for frame in range(90)]), WINDOW, OVERLAP)
    sizes = []
    for window in said:
        trail = window.memory
        assert isinstance(trail, Trail) and trail.memory is not None
        assert len(trail.memory.windows) <= FIRST + LATEST
        sizes.append(sum(kept.cells.numel() for kept in trail.memory.windows))
    assert max(sizes) <= 1.3 * sizes[FIRST + LATEST - 1]


def test_a_clip_without_the_kind_is_empty_and_remembers_nothing() -> None:
    model = network("similarity").eval()
    with torch.inference_mode():
        said = model.follow(film([[]] * 4), words(1, 4), support(), overlap=2)
    assert not (said.masks > 0).any() and (said.presence < 0).all() and said.objects == ()
    assert isinstance(said.memory, Trail) and said.memory.memory is None


def test_one_window_alone_is_answered_as_without_a_memory() -> None:
    model = network("affinity", sentence_choice=False).eval()
    clip = film([[Thing(walking(frame))] for frame in range(6)])
    with torch.inference_mode():
        alone = model(clip, words(1, 4), support(), auxiliary=False)
        said = model.follow(clip, words(1, 4), support())
    assert torch.allclose(said.masks, alone.masks[0, :, 0], atol=1e-4)


def test_where_the_support_is_of_this_very_object_its_own_cut_holds() -> None:
    model = network("similarity").eval()
    frames = [[Thing(walking(frame), 8)] for frame in range(20)]  # the support's own tint
    said = followed(model, film(frames), WINDOW, OVERLAP)
    for start, window in zip(range(0, 20, WINDOW - OVERLAP), said, strict=False):
        part = film(frames[start : start + WINDOW])
        assert window.masks.shape[0] == part.maps[0].shape[1]
        stride = 192 // window.masks.shape[-1]
        for row in range(len(window.masks)):
            true = box_mask(frames[start + row][0].box, stride)
            assert overlap_of(window.masks[row] > 0, true) > 0.8
