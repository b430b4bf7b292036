"""The sample dataset's scenes: what the sentences say is what the pixels show."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from stages.data.sample import CATEGORIES, fold_group
from stages.data.sample.colours import _BASE, COLOURS, draw_tint, unlike
from stages.data.sample.scenes import Actor, attribute_of, plan_briefs
from stages.data.sample.staging import stage_scene
from stages.data.sample.videos import Rendered, render_video

WIDTH, HEIGHT, FRAMES = 320, 192, 8
SHOWN = [(category, index) for k, category in enumerate(CATEGORIES) for index in (k % 10, 11 + k)]


@cache
def rendered(category: str, index: int) -> Rendered:
    return render_video(category, index, seed=0, frames=FRAMES, size=(WIDTH, HEIGHT))


def actor_of(video: Rendered, number: int) -> Actor:
    return video.scene.actors[list(video.shot.ids).index(number)]


def centres(video: Rendered, number: int) -> np.ndarray:
    """Middle of the object's box in every frame where it is seen whole, [T, 2] as x, y."""
    found = []
    for ids in video.ids:
        rows, cols = np.nonzero(ids == number)
        if len(rows) and 0 < cols.min() and cols.max() < WIDTH - 1:
            found.append(((cols.min() + cols.max()) / 2, (rows.min() + rows.max()) / 2))
    return np.array(found)


def test_folds_hold_four_categories_each() -> None:
    groups = {fold_group(category) for category in CATEGORIES}
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 16
    assert sorted(len(group) for group in groups) == [4, 4, 4, 4]
    assert fold_group("fish") == tuple(CATEGORIES[k] for k in range(16) if k % 4 == 0)


@pytest.mark.parametrize(("category", "index"), SHOWN)
def test_cast_of_a_scene(category: str, index: int) -> None:
    video = rendered(category, index)
    roles = [actor.role for actor in video.scene.actors]
    assert roles.count("target") == 1
    assert roles.count("twin") == index % 2
    assert 1 <= roles.count("distractor") <= 2
    for actor in video.scene.actors:
        if actor.role == "distractor":
            assert actor.category != category
            assert actor.category in fold_group(category)
        else:
            assert actor.category == category
    spoken = {number for _, number in video.expressions}
    assert spoken == {
        number
        for number, actor in zip(video.shot.ids, video.scene.actors, strict=True)
        if actor.role != "distractor"
    }
    assert len(video.expressions) == 2 * len(spoken)
    assert len({text for text, _ in video.expressions}) == len(video.expressions)


@pytest.mark.parametrize(("category", "index"), SHOWN)
def test_sentences_are_true_of_the_pixels(category: str, index: int) -> None:
    video = rendered(category, index)
    for text, number in video.expressions:
        words = text.split()
        actor, seen = actor_of(video, number), centres(video, number)
        assert words[0] in ("a", "an", "the")
        assert category in words
        assert [w for w in words if w in COLOURS] in ([], [actor.tint.word])
        if "on the left" in text or text.startswith("the left"):
            assert seen[:, 0].max() < WIDTH / 2
        if "on the right" in text or text.startswith("the right"):
            assert seen[:, 0].min() > WIDTH / 2
        if "top" in words:
            assert seen[:, 1].max() < HEIGHT / 2
        if "bottom" in words:
            assert seen[:, 1].min() > HEIGHT / 2
        moved, spread = seen[-1] - seen[0], np.ptp(seen, axis=0)
        whole = len(seen) == FRAMES
        if "to the left" in text and whole:
            assert moved[0] < -38
        if "to the right" in text and whole:
            assert moved[0] > 38
        if "up and down" in text:
            assert spread[1] > 15
            assert spread[0] < 8
        if {"still", "parked"} & set(words) or "not mov" in text:
            assert actor.motion == "still"
            assert np.ptp(actor.path, axis=0).max() < 4
        if {"big", "large"} & set(words):
            assert actor.long_side >= 84
        if {"small", "little"} & set(words):
            assert actor.long_side <= 54


def test_twins_differ_in_the_named_attribute_and_share_the_others() -> None:
    for category, index in SHOWN:
        video = rendered(category, index)
        if not video.scene.twin:
            continue
        target, twin = video.scene.actors[:2]
        sizes = sorted((target.long_side, twin.long_side))
        attribute = video.scene.attribute
        assert attribute == attribute_of(index)
        assert (target.tint.word == twin.tint.word) == (attribute != "colour")
        if attribute == "size":
            assert sizes[1] / sizes[0] >= 1.6
        else:
            assert sizes[1] / sizes[0] < 1.1
        if attribute == "position":
            assert {target.place, twin.place} in ({"left", "right"}, {"top", "bottom"})
        if attribute == "motion":
            assert target.motion != twin.motion
        for text, number in video.expressions:
            assert _names(attribute, text, actor_of(video, number)), text


def _names(attribute: str, text: str, actor: Actor) -> bool:
    words = set(text.split())
    if attribute == "colour":
        return actor.tint.word in words
    if attribute == "size":
        return bool(words & {"big", "large", "small", "little"})
    if attribute == "position":
        return actor.place in words
    phrases = ("to the left", "to the right", "up and down", "still", "parked", "not mov")
    return any(phrase in text for phrase in phrases)


@pytest.mark.parametrize(("category", "index"), SHOWN)
def test_target_and_twin_are_hardly_covered(category: str, index: int) -> None:
    video = rendered(category, index)
    for number, actor in zip(video.shot.ids, video.scene.actors, strict=True):
        areas = (video.ids == number).sum((1, 2))
        whole = np.median(areas)
        inside = (np.abs(actor.path[:, 0] - WIDTH / 2) < WIDTH / 2 - 20).nonzero()[0]
        if actor.role != "distractor":
            # Poses change the area by up to a third; covering must not add much to that.
            assert (areas[inside] > 0.55 * whole).all()
            assert whole > 400


def test_drawn_pixels_have_the_colour_that_is_named() -> None:
    """The mean colour of a named object is nearest to its own word among all eight."""
    right = total = 0
    anchors = {word: np.mean(tones, axis=0) for word, tones in _BASE.items()}
    for category, index in SHOWN:
        video = rendered(category, index)
        for number, actor in zip(video.shot.ids, video.scene.actors, strict=True):
            pixels = video.frames[video.ids == number].astype(float)
            votes = {
                word: (np.linalg.norm(pixels - anchor, axis=1) < 75).sum()
                for word, anchor in anchors.items()
            }
            total += 1
            right += max(votes, key=lambda word: votes[word]) == actor.tint.word
    assert right / total > 0.8


def test_half_of_all_plans_share_the_targets_words_with_a_distractor() -> None:
    rng = np.random.default_rng(3)
    shared = same_motion = 0
    for index in range(400):
        briefs = plan_briefs(rng, CATEGORIES[index % 16], index)
        other = briefs[-1]
        shared += other.tint.word == briefs[0].tint.word
        same_motion += other.motion == briefs[0].motion
    assert 0.55 < shared / 400 < 0.8
    assert same_motion / 400 > 0.55


def test_attributes_come_in_the_stated_shares() -> None:
    twins = [attribute_of(index) for index in range(1, 60, 2)]
    assert {a: twins.count(a) / len(twins) for a in set(twins)} == {
        "colour": 0.4,
        "size": 0.2,
        "position": 0.2,
        "motion": 0.2,
    }


def test_a_few_targets_leave_or_enter() -> None:
    away = 0
    for index in range(10, 30):
        category = CATEGORIES[index % 16]
        rng = np.random.default_rng([9, index])
        scene, _ = stage_scene(rng, category, index, FRAMES, (WIDTH, HEIGHT))
        x = scene.actors[0].path[:, 0]
        away += bool((x < -10).any() or (x > WIDTH + 10).any())
    assert 0 < away <= 5


def test_colours_told_apart_are_not_close() -> None:
    rng = np.random.default_rng(0)
    for word in COLOURS:
        for _ in range(20):
            other = unlike(rng, word)
            a, b = draw_tint(rng, word).rgb, draw_tint(rng, other).rgb
            assert np.linalg.norm(np.subtract(a, b)) > 70, (word, other)
