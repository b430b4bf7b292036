"""Outlines drawn as masks: areas are exact, and outlines of nothing are named."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError
from stages.data.outlines import Polygons, fill, read_shape


@given(st.tuples(*[st.integers(0, 20)] * 2), st.tuples(*[st.integers(1, 12)] * 2))
def test_a_box_covers_its_pixels(corner: tuple[int, int], size: tuple[int, int]) -> None:
    (left, top), (width, height) = corner, size
    right, bottom = left + width, top + height
    box = [left, top, right, top, right, bottom, left, bottom]
    mask = fill(read_shape([box], "x"), (40, 40), "x")
    want = np.zeros((40, 40), bool)
    want[top:bottom, left:right] = True
    np.testing.assert_array_equal(mask, want)


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    box = [-5, -5, 10, -5, 10, 10, -5, 10]
    assert fill(read_shape([box], "x"), (20, 20), "x").sum() == 100


def test_a_disc_has_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.stack([30 + 12 * np.cos(angles), 25 + 12 * np.sin(angles)], 1).astype(np.float32)
    assert Polygons((points,)).mask(50, 60).sum() == pytest.approx(np.pi * 144, rel=0.01)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([[0.1, 0.1, 0.4, 0.1, 0.3, 0.4]], "covers no pixel of its picture; give its points in p"),
        ([[1, 1, 5000, 1, 3, 3]], "a point lies far outside of its picture; give points in pix"),
        ([[1, 1, 2, 2]], "the outline has no area"),
        ([[1, 1, 9, 1, 9, float("nan")]], "the outline has no area"),
        ([[1, 1, 9, 1, 9]], "the outline is no list of x and y"),
        (["x"], "the outline is no list of x and y"),
        (5, "the outline is no list of x and y"),
        ({"size": [20, 20], "counts": [400]}, "the outline covers no pixel"),
        ({"size": [10, 20], "counts": [0, 200]}, "the mask's size is not its picture's"),
    ],
)
def test_outlines_of_nothing(value: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        fill(read_shape(value, "here"), (20, 20), "here")
    assert str(caught.value).startswith("here: ")
