"""Masks to outlines and back, by this program and by COCO's own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from stages.data.outlines import Polygons
from stages.data.tracing import joined, trace

Mask = NDArray[np.bool_]


def blobs(seed: int, height: int = 60, width: int = 90) -> Mask:
    """Smooth parts with holes."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4) > 0.02)


def border(mask: Mask) -> Mask:
    """Pixels that touch a pixel of the other kind."""
    values, near = mask.astype(np.uint8), np.ones((3, 3), np.uint8)
    padded = cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    differ = cv2.dilate(padded, near) != cv2.erode(padded, near)
    return np.asarray(differ[1:-1, 1:-1])


def drawn_by_coco(lines: list[NDArray[np.float32]], mask: Mask) -> Mask:
    height, width = mask.shape
    parts = coco.frPyObjects([line.ravel().tolist() for line in lines], height, width)
    return np.array(coco.decode([coco.merge(parts)]))[:, :, 0].astype(bool)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own
@settings(max_examples=12)
@given(st.integers(0, 10_000))
def test_an_outline_is_the_mask_within_a_pixel(seed: int) -> None:
    mask = blobs(seed)
    lines = trace(mask)
    again = Polygons(tuple(lines)).mask(*mask.shape)
    assert not (again != mask)[~border(mask)].any()
    assert (again & mask).sum() / (again | mask).sum() > 0.93
    assert not (drawn_by_coco(lines, mask) != mask)[~border(mask)].any()


@pytest.mark.parametrize("box", [(3, 4, 3, 4), (0, 0, 19, 29), (5, 5, 5, 20), (2, 29, 19, 29)])
def test_a_box_is_exact(box: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = box
    mask = np.zeros((20, 30), bool)
    mask[top : bottom + 1, left : right + 1] = True
    (line,) = trace(mask)
    corners = {(left, top), (right + 1, top), (right + 1, bottom + 1), (left, bottom + 1)}
    assert {tuple(point) for point in line.astype(int)} == corners
    np.testing.assert_array_equal(Polygons((line,)).mask(20, 30), mask)


def test_a_ring_is_one_line_with_its_hole() -> None:
    mask = np.zeros((40, 50), bool)
    mask[5:35, 5:45] = True
    mask[10:30, 15:25] = False
    mask[15:20, 17:20] = True  # an island in the hole is a part of its own
    lines = trace(mask)
    assert len(lines) == 2
    inner = ~border(mask)
    for parts in (lines, [joined(lines[0], lines[1])]):
        again = Polygons(tuple(parts)).mask(40, 50)
        np.testing.assert_array_equal(again[inner], mask[inner])
        assert again[17, 18] and not again[12, 20] and not again[27, 20]


def test_nothing_has_no_outline() -> None:
    assert trace(np.zeros((9, 9), bool)) == []
