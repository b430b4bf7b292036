"""Packed masks against the same operations pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from stages.scoring.bitmasks import Box, Words, bounds, count, dilate, edges, pack, whole_box


def unpack(words: Words, width: int) -> np.ndarray:
    """Bit by bit, by arithmetic rather than by views."""
    frames, height, _ = words.shape
    mask = np.zeros((frames, height, width), dtype=bool)
    for x in range(width):
        mask[..., x] = (words[..., x // 64] >> np.uint64(x % 64)) & np.uint64(1)
    return mask


@st.composite
def videos(draw: st.DrawFn) -> np.ndarray:
    """bool [T, H, W], sparse or dense, around the widths where words end."""
    frames, height = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    width = draw(st.sampled_from([1, 2, 40, 63, 64, 65, 127, 128, 130, 200]))
    share = draw(st.sampled_from([0.0, 0.01, 0.5, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.random((frames, height, width)) < share


@settings(max_examples=50, deadline=None)
@given(videos())
def test_packing_keeps_every_pixel(mask: np.ndarray) -> None:
    words = pack(mask)
    assert words.dtype == np.uint64
    np.testing.assert_array_equal(unpack(words, mask.shape[2]), mask)
    assert count(words).tolist() == mask.sum(axis=(1, 2)).tolist()  # nothing set beyond the width


@settings(max_examples=80, deadline=None)
@given(videos(), st.sampled_from([0, 1, 2, 3, 8, 12, 63, 64, 70]))
def test_dilation_is_by_a_disk(mask: np.ndarray, radius: int) -> None:
    """A pixel is reached when its distance to the nearest set one is at most the radius."""
    grown = unpack(dilate(pack(mask), radius), mask.shape[2])
    for frame, expected in zip(grown, mask, strict=True):
        if expected.any():
            expected = ndimage.distance_transform_edt(~expected) <= radius + 1e-9
        np.testing.assert_array_equal(frame, expected)


@settings(max_examples=80, deadline=None)
@given(videos())
def test_edges_are_seg2bmap(mask: np.ndarray) -> None:
    """The definition as whole-array comparisons, the last row and column overwritten after."""
    right, down, corner = (np.zeros_like(mask) for _ in range(3))
    right[:, :, :-1] = mask[:, :, 1:]
    down[:, :-1] = mask[:, 1:]
    corner[:, :-1, :-1] = mask[:, 1:, 1:]
    expected = (mask ^ right) | (mask ^ down) | (mask ^ corner)
    expected[:, -1] = mask[:, -1] ^ right[:, -1]
    expected[:, :, -1] = mask[:, :, -1] ^ down[:, :, -1]
    expected[:, -1, -1] = False
    found = edges(pack(mask), mask.shape[2])
    np.testing.assert_array_equal(unpack(found, mask.shape[2]), expected)
    assert count(found).tolist() == expected.sum(axis=(1, 2)).tolist()


@settings(max_examples=40, deadline=None)
@given(videos())
def test_bounds_hold_everything_and_nothing_less(mask: np.ndarray) -> None:
    words = pack(mask)
    box = bounds(words)
    assert count(box.cut(words)).tolist() == count(words).tolist()
    assert box.empty == (not mask.any())
    if not box.empty:
        cut = box.cut(words)
        for side in (cut[:, 0], cut[:, -1], cut[..., 0], cut[..., -1]):
            assert side.any()


def test_boxes() -> None:
    box = Box(5, 9, 2, 3)
    assert box.grown(1) == Box(4, 10, 1, 4)
    assert box.grown(64) == Box(-59, 73, 1, 4)
    assert box.grown(65) == Box(-60, 74, 0, 5)
    assert box.grown(9).overlap(whole_box(pack(np.zeros((1, 12, 150), dtype=bool)))) == Box(
        0, 12, 1, 3
    )
    assert box.overlap(Box(9, 12, 0, 4)).empty
    assert not box.overlap(Box(8, 12, 2, 4)).empty


def test_packing_refuses_another_layout() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        pack(np.zeros((4, 4), dtype=bool))
