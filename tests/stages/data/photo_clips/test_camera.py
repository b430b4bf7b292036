"""A camera over a flat picture: never beyond its edge, masks and pixels together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.data.photo_clips.camera import draw_camera, draw_light


@given(
    seed=st.integers(0, 2**32),
    reach=st.floats(0, 1.5),
    size=st.tuples(st.integers(64, 500), st.integers(64, 500)),
    focus=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_no_frame_shows_what_lies_beyond_the_picture(
    seed: int, reach: float, size: tuple[int, int], focus: tuple[float, float]
) -> None:
    height, width = size
    frame = (round(0.8 * height), round(0.8 * width))
    middle = (focus[0] * width, focus[1] * height)
    rng = np.random.default_rng(seed)
    maps = draw_camera(rng, size, frame, 4, reach=reach, focus=middle).maps
    assert maps.shape == (4, *frame, 2)
    assert maps.min() >= 0
    assert maps[..., 0].max() <= width - 1
    assert maps[..., 1].max() <= height - 1


def test_without_reach_the_picture_stands_still_and_straight() -> None:
    rng = np.random.default_rng(3)
    camera = draw_camera(rng, (200, 300), (160, 240), 5, reach=0, focus=(150, 100))
    assert np.abs(camera.maps - camera.maps[0]).max() < 1e-3
    steps = np.diff(camera.maps[0][:, :, 0], axis=1)
    np.testing.assert_allclose(steps, steps[0, 0], rtol=1e-3)
    np.testing.assert_allclose(np.diff(camera.maps[0][:, :, 1], axis=0), steps[0, 0], rtol=0.02)


def test_masks_move_with_the_pixels() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[60:140, 100:200] = 255
    mask = picture[..., 0] > 0
    rng = np.random.default_rng(5)
    camera = draw_camera(rng, (200, 300), (170, 260), 6, reach=1, focus=(150, 100))
    areas = []
    for t in range(6):
        seen = camera.look_at_mask(t, mask)
        bright = camera.look(t, picture)[..., 0] > 127
        assert (seen & bright).sum() / (seen | bright).sum() > 0.98
        areas.append(int(seen.sum()))
    assert len(set(areas)) > 1


def test_the_focus_is_kept_in_the_frame() -> None:
    mask = np.zeros((200, 300), bool)
    mask[150:195, 250:298] = True
    for seed in range(20):
        rng = np.random.default_rng(seed)
        camera = draw_camera(rng, (200, 300), (170, 260), 3, reach=0.3, focus=(274, 172))
        assert camera.look_at_mask(1, mask).sum() > 0.4 * mask.sum()


def test_light_keeps_order_and_dark_stays_dark() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    for seed in range(10):
        light = draw_light(np.random.default_rng(seed), 4)
        flat = light.fall(0, ramp)
        if light.blur[0] <= 0.3:
            assert (np.diff(flat[..., 0].ravel().astype(int)) >= 0).all()
            assert flat[0, 0].max() == 0
        assert 0.75 * 128 < float(flat.mean()) < 1.25 * 128
