"""Views: what they do to frames and masks, that they do it alike, and that they stay the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.data.resize import resize_frame, resize_mask
from stages.data.views import FAMILY, PLAIN, View, random_view, shown_share, view_of

ITEMS = [f"{number:064x}" for number in range(40)]
WINDOWS = st.builds(
    lambda flip, top, left, height, width: View(
        flip, top * (1 - height), left * (1 - width), height, width
    ),
    st.booleans(),
    *[st.floats(0, 1)] * 2,
    *[st.floats(0.3, 1)] * 2,
)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def blob(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """A mask [H, W] of 0 and 255: a few rectangles."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((height, width), np.uint8)
    for _ in range(3):
        top, left = rng.integers(height - 8), rng.integers(width - 8)
        ids[top : top + rng.integers(8, height), left : left + rng.integers(8, width)] = 255
    return ids


def test_the_plain_view_is_the_frame_as_it_was_always_resized() -> None:
    frame, ids = noise(50, 70), blob(50, 70, 0)
    for size in [(50, 70), (32, 44), (64, 90)]:
        assert np.array_equal(PLAIN.frame(frame, size), resize_frame(frame, size))
        assert np.array_equal(PLAIN.mask(ids, size), resize_mask(ids, size))
    assert view_of(0, ITEMS[0]) is PLAIN


def test_mirroring_twice_is_nothing() -> None:
    frame, ids, mirror = noise(48, 64), blob(48, 64, 1), View(flip=True)
    once = mirror.frame(frame, (48, 64))
    assert np.array_equal(once, frame[:, ::-1])
    assert np.array_equal(mirror.frame(once, (48, 64)), frame)
    assert np.array_equal(mirror.mask(mirror.mask(ids, (48, 64)), (48, 64)), ids)


def test_a_window_is_cut_where_it_says() -> None:
    frame = noise(40, 80)
    seen = View(top=0.25, left=0.5, height=0.5, width=0.25).frame(frame, (20, 20))
    assert np.array_equal(seen, frame[10:30, 40:60])
    corner = View(flip=True, top=0.75, left=0.75, height=0.25, width=0.25)
    assert np.array_equal(corner.mask(frame[..., 0], (10, 20)), frame[30:, 60:, 0][:, ::-1])


@given(WINDOWS, st.integers(0, 50), st.sampled_from([(96, 160), (37, 53), (60, 100), (120, 60)]))
def test_masks_move_with_their_frames(view: View, seed: int, size: tuple[int, int]) -> None:
    """An image that is its own mask: wherever resizing mixed nothing, both say the same."""
    ids = blob(60, 100, seed)
    frame = view.frame(np.repeat(ids[..., None], 3, axis=2), size)[..., 0]
    mask = view.mask(ids, size)
    assert frame.shape == mask.shape == size
    pure = (frame == 0) | (frame == 255)
    assert pure.mean() > 0.5
    assert np.array_equal(frame[pure], mask[pure])


@given(WINDOWS, st.integers(0, 50))
def test_without_resizing_masks_are_the_frames_bit_by_bit(view: View, seed: int) -> None:
    ids = blob(60, 100, seed)
    height, width = view.crop(ids).shape
    frame = view.frame(np.repeat(ids[..., None], 3, axis=2), (height, width))
    assert np.array_equal(frame[..., 0], view.mask(ids, (height, width)))


def test_colours_change_as_stated() -> None:
    frame = np.array([[[200, 100, 50], [128, 128, 128], [0, 0, 0], [250, 250, 250]]], np.uint8)
    size = (1, 4)

    def seen(**changes: float) -> list[list[int]]:
        made: list[list[int]] = View(**changes).frame(frame, size)[0].tolist()  # type: ignore[arg-type]
        return made

    assert seen(brightness=10) == [[210, 110, 60], [138] * 3, [10] * 3, [255] * 3]
    assert seen(contrast=0.5) == [[164, 114, 89], [128] * 3, [64] * 3, [189] * 3]
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert seen(saturation=0.0) == [[grey] * 3, [128] * 3, [0] * 3, [250] * 3]
    assert seen() == frame[0].tolist()


def test_a_video_keeps_its_views_for_ever() -> None:
    """Cached maps hang on these numbers: whoever changes them raises FAMILY's version."""
    assert FAMILY["version"] == 1
    first, second = view_of(1, ITEMS[3]), view_of(2, ITEMS[3])
    assert first == View(True, 0.0053, 0.1126, 0.8803, 0.8793, 2.5, 0.9196, 0.9326)
    assert second == View(False, 0.2048, 0.0727, 0.7543, 0.7449, -14.3, 1.1365, 0.9867)
    frame = first.frame(noise(60, 100), (53, 88))
    assert int(frame.astype(np.int64).sum()) == 1826294


def test_odd_views_are_mirrored_and_no_two_are_alike() -> None:
    views = {(n, item): view_of(n, item) for n in range(1, 6) for item in ITEMS}
    assert all(view.flip == (n % 2 == 1) for (n, _), view in views.items())
    assert len(set(views.values())) == len(views)


@pytest.mark.parametrize("kind", ["cached", "live"])
def test_views_stay_in_their_family(kind: str) -> None:
    rng = np.random.default_rng(5)
    if kind == "cached":
        views = [view_of(n, item) for n in range(1, 6) for item in ITEMS]
    else:
        views = [random_view(rng) for _ in range(200)]
    least = FAMILY["zoom"] * FAMILY["stretch"]
    for view in views:
        for first, share in ((view.top, view.height), (view.left, view.width)):
            assert least <= share <= 1
            assert 0 <= first <= 1 - share + 1e-9
        assert abs(view.brightness) <= FAMILY["brightness"]
        assert abs(view.contrast - 1) <= FAMILY["contrast"]
        assert abs(view.saturation - 1) <= FAMILY["saturation"]
    assert 0.35 < np.mean([view.flip for view in views]) < 0.65
    assert np.ptp([view.width for view in views]) > 0.2
    assert np.ptp([view.brightness for view in views]) > 30


def test_the_share_that_a_view_shows() -> None:
    first, second = np.zeros((2, 10, 10), np.uint8)
    first[:, 0:5] = 3
    second[:, 5:10] = 3
    right = View(left=0.4, width=0.6)
    assert shown_share(right, [first], 3) == pytest.approx(10 / 50)
    assert shown_share(right, [first, second], 3) == pytest.approx(60 / 100)
    assert shown_share(replace(right, flip=True), [first], 3) == pytest.approx(10 / 50)
    assert shown_share(PLAIN, [first], 3) == 1
    assert shown_share(right, [first], 7) == 1
