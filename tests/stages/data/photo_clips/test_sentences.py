"""Sentences: true of one object alone, whatever else the picture shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.data.photo_clips.colour_words import UNKNOWN, Colours, measure_colours
from stages.data.photo_clips.sentences import describe
from stages.data.photo_clips.sightings import Sighting, Track, see
from stages.data.sides import swap_sides

FRAMES = 4


def plain(rgb: tuple[int, int, int]) -> Colours:
    return measure_colours(np.full((100, 3), rgb, np.uint8))


RED, BLUE = plain((200, 20, 30)), plain((30, 70, 200))


def thing(
    x: float = 0.5,
    y: float = 0.5,
    area: float = 0.05,
    colours: Colours = UNKNOWN,
    motion: str = "",
    kind: str = "dog",
) -> Sighting:
    centres = np.tile([x, y], (FRAMES, 1)).astype(float)
    return Sighting(1, kind, centres, np.full(FRAMES, area), colours, motion)


def told(one: Sighting, *rivals: Sighting) -> set[str]:
    """Everything that may be said of `one`."""
    return {
        sentence
        for seed in range(60)
        for sentence in describe(np.random.default_rng(seed), one, rivals)
    }


def test_an_object_alone_is_named_by_its_kind() -> None:
    assert told(thing()) == {"a dog", "the dog"}
    assert told(thing(kind="orange")) == {"an orange", "the orange"}
    assert told(thing(kind="scissors")) == {"the scissors"}


def test_colour_and_side_may_be_added() -> None:
    sentences = told(thing(x=0.2, colours=RED))
    assert {"a red dog", "the dog that is red", "the dog on the left"} <= sentences
    assert {"the red dog on the left side", "a dog"} <= sentences
    assert not any("right" in s or "left dog" in s for s in sentences)


def test_two_that_differ_in_nothing_get_no_sentence() -> None:
    assert told(thing(), thing()) == set()
    assert told(thing(0.2), thing(0.25)) == set()
    assert told(thing(0.2, colours=RED), thing(0.2, colours=RED)) == set()


def test_the_plain_kind_is_never_said_of_one_of_two() -> None:
    for sentences in (told(thing(0.2), thing(0.8)), told(thing(0.2, colours=RED), thing(0.8))):
        assert sentences
        assert not sentences & {"a dog", "the dog"}


def test_each_attribute_tells_two_apart() -> None:
    assert "the leftmost dog" in told(thing(0.2), thing(0.8))
    assert "the left dog" in told(thing(0.2), thing(0.8))
    assert told(thing(area=0.2), thing()) == {"the larger dog", "the bigger dog"}
    assert told(thing(area=0.02), thing()) == {"the smaller dog"}
    assert "a red dog" in told(thing(colours=RED), thing(colours=BLUE))
    moving = told(thing(motion="right"), thing(motion="still"))
    assert "the dog moving to the right" in moving
    assert "the dog that stays still" in told(thing(motion="still"), thing(motion="left"))
    assert "the upper dog" in told(thing(y=0.2), thing(y=0.8))


def test_three_or_more_take_superlatives() -> None:
    assert "the dog in the middle" in told(thing(0.5), thing(0.2), thing(0.8))
    assert told(thing(area=0.2), thing(), thing()) == {"the largest dog", "the biggest dog"}
    left = told(thing(0.1), thing(0.3), thing(0.8))
    assert "the leftmost dog" in left
    assert not left & {"the dog on the left", "the left dog", "the dog further to the left"}


def test_a_rival_of_unknown_colour_or_motion_is_not_ruled_out() -> None:
    assert told(thing(colours=RED), thing(colours=UNKNOWN)) == set()
    assert told(thing(motion="right"), thing(motion="")) == set()


def test_attributes_work_together() -> None:
    rivals = (thing(0.2, colours=BLUE), thing(0.8, colours=RED))
    sentences = told(thing(0.2, colours=RED), *rivals)
    assert sentences
    assert all("red" in s and "left" in s for s in sentences)


def test_skin_gives_a_person_no_colour() -> None:
    assert "in red" not in " ".join(told(thing(kind="person", colours=RED)))
    assert "a person in blue" in told(thing(kind="person", colours=BLUE))


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    x, y = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    return thing(
        x,
        y,
        draw(st.floats(0.001, 0.4)),
        draw(st.sampled_from([RED, BLUE, UNKNOWN])),
        draw(st.sampled_from(["left", "right", "still", ""])),
    )


@given(st.lists(sightings(), min_size=2, max_size=4), st.integers(0, 2**32))
def test_no_sentence_is_said_of_two(things: list[Sighting], seed: int) -> None:
    rng = np.random.default_rng(seed)
    spoken = [
        s.removeprefix("the ").removeprefix("a ")
        for i, one in enumerate(things)
        for s in set(describe(rng, one, things[:i] + things[i + 1 :]))
    ]
    own = [
        {
            s.removeprefix("the ").removeprefix("a ")
            for s in describe(rng, one, things[:i] + things[i + 1 :])
        }
        for i, one in enumerate(things)
    ]
    for i, sentences in enumerate(own):
        for other in own[i + 1 :]:
            assert not sentences & other
    assert len(spoken) <= 3 * len(things)


@given(sightings(), st.lists(sightings(), max_size=2))
def test_a_mirrored_picture_has_mirrored_sentences(one: Sighting, rest: list[Sighting]) -> None:
    assume(all(abs(s.centres[0, 0] - 0.5) > 0.01 for s in (one, *rest)))

    def mirror(sighting: Sighting) -> Sighting:
        ways = {"left": "right", "right": "left"}
        centres = np.column_stack([1 - sighting.centres[:, 0], sighting.centres[:, 1]])
        return replace(sighting, centres=centres, motion=ways.get(sighting.motion, sighting.motion))

    ahead = told(one, *rest)
    behind = told(mirror(one), *(mirror(other) for other in rest))
    # What is drawn differs between the two; what may be said at all must not.
    assert bool(ahead) == bool(behind)
    words = {word for s in ahead for word in swap_sides(s).split()}
    assert words == {word for s in behind for word in s.split()}


def square(x: int, y: int, size: int = 20) -> np.ndarray:
    mask = np.zeros((100, 200), bool)
    mask[y : y + size, x : x + size] = True
    return mask


def seen(masks: list[np.ndarray], still_camera: bool = True, moves: bool = True) -> Sighting:
    frames = [np.full((100, 200, 3), (200, 30, 30), np.uint8) for _ in masks]
    stack = np.stack(masks)
    (sighting,) = see(frames, [Track(1, "dog", stack, stack, moves)], still_camera)
    return sighting


def test_motion_is_measured_and_only_said_where_known() -> None:
    right = [square(10 + 20 * t, 40) for t in range(4)]
    assert seen(right).motion == "right"
    assert seen(right[::-1]).motion == "left"
    assert seen([square(40, 10 + 15 * t) for t in range(5)]).motion == "down"
    assert seen([square(40, 40)] * 4).motion == "still"
    assert seen([square(40 + 3 * t, 40) for t in range(4)]).motion == ""
    assert seen(right[:3] + right[:1]).motion == ""
    assert seen(right, still_camera=False).motion == ""
    assert seen(right, moves=False).motion == ""


def test_centres_and_areas_are_shares_of_the_frame() -> None:
    sighting = seen([square(90, 40), np.zeros((100, 200), bool)])
    np.testing.assert_allclose(sighting.centres[0], [99.5 / 200, 49.5 / 100])
    assert np.isnan(sighting.centres[1]).all()
    np.testing.assert_allclose(sighting.areas, [0.02, 0])


def test_what_nobody_sees_is_not_there() -> None:
    empty = np.zeros((2, 100, 200), bool)
    frames = [np.zeros((100, 200, 3), np.uint8)] * 2
    assert see(frames, [Track(0, "dog", empty, empty)], True) == []
