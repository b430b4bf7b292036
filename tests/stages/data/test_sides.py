"""Left and right in sentences: what is swapped, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.sides import swap_sides


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        # the sample dataset's
        ("the purple fish on the left", "the purple fish on the right"),
        ("the right fish in red", "the left fish in red"),
        ("a bus that is moving to the left", "a bus that is moving to the right"),
        ("a boat at the top", "a boat at the top"),
        # in the manner of Ref-YouTube-VOS
        ("a man on the far right side of it", "a man on the far left side of it"),
        ("the right most duck", "the left most duck"),
        ("the leftmost of two zebras", "the rightmost of two zebras"),
        ("a right-hand door, left-handed man", "a left-hand door, right-handed man"),
        ("a car driving rightwards", "a car driving leftwards"),
        ("from left to right", "from right to left"),
        ("a cow to the top-left/right", "a cow to the top-right/left"),
        ("Left. RIGHT! left's", "Right. LEFT! right's"),
        ("the cat on the right behind the sofa", "the cat on the left behind the sofa"),
        ("a dog in its left hand", "a dog in its right hand"),
        # no sides
        ("a dog running right behind a man", "a dog running right behind a man"),
        ("a cup right next to the plate", "a cup right next to the plate"),
        ("a bag left behind", "a bag left behind"),
        ("a bright, upright, outright leftover", "a bright, upright, outright leftover"),
        ("copyright righteous aleft rightly", "copyright righteous aleft rightly"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_mirroring_says(text: str, mirrored: str) -> None:
    assert swap_sides(text) == mirrored
    assert swap_sides(mirrored) == text


WORDS = st.sampled_from(
    ["the", "a", "left", "right", "Left", "RIGHT", "leftmost", "right-hand", "bright", "behind"]
    + ["next", "to", "on", "by", "and", "in", "front", "top-left", "of", "leftover", "rights"]
)


@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", "  ", "-", ", "]))
def test_twice_is_nothing(words: list[str], between: str) -> None:
    text = between.join(words)
    assert swap_sides(swap_sides(text)) == text


@given(st.text())
def test_any_text_survives(text: str) -> None:
    assert swap_sides(swap_sides(text)) == text
