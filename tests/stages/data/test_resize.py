"""Sizes equal the authors' for every recorded case; pixels equal Pillow's where they should."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from configs import FeaturesConfig
from configs.errors import DataError
from stages.data.resize import fitted_size, network_size, resize_frame, resize_mask

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "resize_sizes.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", GOLDEN["test_resize_360"])
def test_test_sizes(case: dict[str, list[int]]) -> None:
    width, height = case["in_wh"]
    assert list(fitted_size(height, width, 360)[::-1]) == case["out_wh"]


@pytest.mark.parametrize("case", GOLDEN["train_resize"])
def test_training_sizes(case: dict[str, int]) -> None:
    width, height = case["in_wh"]  # type: ignore[misc]
    size = fitted_size(height, width, case["size"], case["max_size"])
    assert list(size[::-1]) == case["out_wh"]


side = st.integers(1, 4000)


@given(side, side, st.integers(16, 800), st.integers(0, 1200))
def test_sides_stay_within_the_limits(height: int, width: int, short: int, long: int) -> None:
    result = fitted_size(height, width, short, long)
    assert result == fitted_size(width, height, short, long)[::-1]
    assert min(result) <= short and min(result) >= 1
    if not long:
        assert min(result) == short
    elif long >= short and max(height, width) / min(height, width) < 8:
        # rounding the shorter side moves the longer by up to half its proportion
        assert max(result) <= long + 0.5 * max(height, width) / min(height, width)


def test_zero_size_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be resized"):
        fitted_size(0, 10, 5)


@pytest.mark.parametrize("size", [(12, 20), (17, 9), (48, 80), (24, 40)])
def test_masks_equal_pillows_nearest(size: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).integers(0, 4, (24, 40), dtype=np.uint8)
    expected = Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(resize_mask(mask, size), np.asarray(expected))


def test_halving_a_frame_averages_blocks() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    expected = frame.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize_frame(frame, (4, 6)) - expected).max() <= 0.5


def test_equal_size_returns_the_frame_itself() -> None:
    frame = np.zeros((8, 12, 3), dtype=np.uint8)
    assert resize_frame(frame, (8, 12)) is frame


def test_frames_too_narrow_for_the_encoders_are_named() -> None:
    features = FeaturesConfig(short_side=96, long_side=160)
    assert network_size(20, 20, features, "x") == (96, 96)
    assert network_size(64, 320, features, "x") == (32, 160)
    with pytest.raises(DataError, match="v/0.png: frames of 330 x 64 .* 159 x 31 .* needs 32"):
        network_size(64, 330, features, "v/0.png")
    with pytest.raises(DataError, match="of 1 x 1000 pixels would be 1 x 1000 for"):
        network_size(1000, 1, features, "v/0.png")
