"""Colour words: what everybody would say, and silence elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from stages.data.photo_clips.colour_words import UNKNOWN, is_colourless, measure_colours


def pixels(rgb: tuple[int, int, int], count: int = 400) -> np.ndarray:
    noise = np.random.default_rng(0).integers(-6, 7, (count, 3))
    return (np.asarray(rgb) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((200, 20, 30), "red"),
        ((240, 130, 20), "orange"),
        ((250, 215, 30), "yellow"),
        ((30, 150, 50), "green"),
        ((30, 70, 200), "blue"),
        ((110, 40, 140), "purple"),
        ((240, 150, 180), "pink"),
        ((100, 65, 30), "brown"),
        ((245, 245, 242), "white"),
        ((10, 10, 11), "black"),
        ((128, 128, 128), ""),  # grey, or white in the shade
        ((60, 62, 60), ""),  # black in the light, or grey in the shade
        ((200, 170, 140), ""),  # skin, sand
        ((20, 120, 130), ""),  # green to some, blue to others
        ((38, 26, 24), ""),  # black, or dark brown
    ],
)
def test_plain_colours_have_a_word(rgb: tuple[int, int, int], word: str) -> None:
    assert measure_colours(pixels(rgb)).clear == word


def test_an_object_of_two_colours_has_none() -> None:
    both = np.concatenate([pixels((200, 20, 30)), pixels((30, 70, 200))])
    colours = measure_colours(both)
    assert colours.clear == ""
    assert not colours.lacks("red")
    assert not colours.lacks("blue")
    assert colours.lacks("green")


def test_what_some_would_call_red_does_not_lack_red() -> None:
    assert not measure_colours(pixels((240, 120, 90))).lacks("red")
    assert not measure_colours(pixels((60, 62, 60))).lacks("black")
    assert measure_colours(pixels((30, 70, 200))).lacks("red")


def test_few_pixels_say_nothing() -> None:
    few = measure_colours(pixels((200, 20, 30), 20))
    assert few == UNKNOWN
    assert few.clear == ""
    assert not few.lacks("green")


def test_black_and_white_pictures_are_known() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (40, 60, 1), np.uint8).repeat(3, 2)
    assert is_colourless([grey])
    coloured = grey.copy()
    coloured[:, :20, 0] //= 3
    assert not is_colourless([coloured])
