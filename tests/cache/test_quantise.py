"""Quantisation: bounds of the error, exact zeros, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cache import bytes_per_frame, dequantise, quantise
from cache.stored_types import STORED_TYPES

MAPS = hnp.arrays(
    np.float32,
    st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 5)] * 2),
    elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
)
SCALED = sorted(name for name, stored_type in STORED_TYPES.items() if stored_type.scaled)
LEVEL = st.integers(0, 3)


@given(MAPS, st.sampled_from(SCALED), LEVEL)
def test_error_is_at_most_half_a_step(maps: np.ndarray, stored_type: str, level: int) -> None:
    stored = quantise(maps, stored_type, level)
    assert stored.scale is not None and stored.values.dtype == np.uint8
    steps = 2 ** STORED_TYPES[stored_type].bits[level] - 1
    # The smallest floats have no five digits.
    tiny = float(steps * np.finfo(np.float32).smallest_subnormal)
    spread = np.ptp(maps, axis=(2, 3))
    np.testing.assert_allclose(stored.scale * steps, spread, rtol=1e-5, atol=tiny)
    bound = stored.scale[:, :, None, None] * 0.5001 + 1e-6 * np.abs(maps).max()
    assert (np.abs(dequantise(stored) - maps) <= bound).all()


@given(MAPS, st.sampled_from(SCALED), LEVEL)
def test_zero_after_relu_stays_zero(maps: np.ndarray, stored_type: str, level: int) -> None:
    positive = np.maximum(maps, 0)
    positive[:, :, 0, 0] = 0
    restored = dequantise(quantise(positive, stored_type, level))
    assert (restored[positive == 0] == 0).all()


@given(st.floats(-(2.0**100), 2.0**100, width=32), st.sampled_from(SCALED), LEVEL)
def test_a_constant_map_is_exact(value: float, stored_type: str, level: int) -> None:
    maps = np.full((1, 2, 3, 5), value, np.float32)
    np.testing.assert_array_equal(dequantise(quantise(maps, stored_type, level)), maps)


@given(MAPS, st.sampled_from(sorted(STORED_TYPES)), LEVEL)
def test_shape_and_bytes_are_those_foretold(maps: np.ndarray, stored_type: str, level: int) -> None:
    stored = quantise(maps / 10, stored_type, level)
    assert stored.shape == maps.shape == dequantise(stored).shape
    frames, channels = maps.shape[:2]
    scales = 8 * channels if stored_type in SCALED else 0
    assert stored.nbytes == frames * (
        STORED_TYPES[stored_type].frame_bytes(level, maps.shape[1:]) + scales
    )


def test_six_and_four_bits_in_closed_form() -> None:
    """0 to 63 at a scale of 1 are their own levels; in 4 bits a step is 4.2."""
    maps = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    np.testing.assert_array_equal(dequantise(quantise(maps, "uint6")), maps)
    steps = np.rint(maps / 4.2).astype(np.float32)
    np.testing.assert_allclose(dequantise(quantise(maps, "uint4")), steps * 4.2, rtol=1e-6)


def test_the_mixed_scheme_differs_by_level() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 5, 7)).astype(np.float32)
    for level, uniform in enumerate(("uint4", "uint6", "uint8", "uint8")):
        mixed, plain = quantise(maps, "uint4-6-8-8", level), quantise(maps, uniform, level)
        assert mixed.packed == plain.packed
        np.testing.assert_array_equal(mixed.values, plain.values)


def test_closed_form() -> None:
    maps = np.array([[[[-1.0, 0.0, 1.55]], [[7.0, 7.0, 7.0]]]], np.float32)
    stored = quantise(maps)
    assert stored.values.tolist() == [[[[0, 100, 255]], [[0, 0, 0]]]]
    assert stored.offset is not None and stored.offset.tolist() == [[-1.0, 7.0]]
    assert stored.scale is not None and stored.scale[0, 0] == pytest.approx(0.01)
    assert stored.scale[0, 1] == 0


def test_channels_and_frames_have_their_own_scale() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    maps *= np.array([1, 100, 10000], np.float32)[None, :, None, None]
    error = np.abs(dequantise(quantise(maps)) - maps).max(axis=(2, 3))
    assert (error < np.ptp(maps, axis=(2, 3)) / 500).all()


def test_relative_error_is_about_half_a_percent() -> None:
    rng = np.random.default_rng(0)
    maps = np.maximum(rng.normal(size=(2, 16, 24, 24)), 0).astype(np.float32)
    error = np.linalg.norm(dequantise(quantise(maps)) - maps) / np.linalg.norm(maps)
    assert 0.002 < error < 0.01


@pytest.mark.parametrize(("stored_type", "kind"), [("fp16", np.float16), ("fp32", np.float32)])
def test_floats_are_kept_as_floats(stored_type: str, kind: type) -> None:
    maps = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32)
    stored = quantise(maps, stored_type)
    assert stored.scale is None and stored.values.dtype == kind
    np.testing.assert_array_equal(dequantise(stored), maps.astype(kind).astype(np.float32))


@pytest.mark.parametrize("stored_type", sorted(STORED_TYPES))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_what_is_not_finite(stored_type: str, bad: float) -> None:
    maps = np.zeros((1, 1, 2, 2), np.float32)
    maps[0, 0, 1, 1] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        quantise(maps, stored_type)


def test_refuses_what_fp16_cannot_hold() -> None:
    with pytest.raises(ValueError, match="exceed"):
        quantise(np.full((1, 1, 1, 1), 1e6, np.float32), "fp16")


def test_unknown_scheme() -> None:
    with pytest.raises(ValueError, match="'int3'"):
        quantise(np.zeros((1, 1, 1, 1), np.float32), "int3")


def test_bytes_per_frame_of_resnet50() -> None:
    channels = [256, 512, 1024, 2048]
    cells = [(90, 160), (45, 80), (23, 40), (12, 20)]
    assert bytes_per_frame(channels, cells, "fp16") == 2 * 6963200 + 16
    around = 8 * 3840 + 16
    assert bytes_per_frame(channels, cells, "uint8") == 6963200 + around
    assert bytes_per_frame(channels, cells, "uint6") == 6963200 * 6 // 8 + around < 5.5e6
    assert bytes_per_frame(channels, cells, "uint4") == 6963200 * 4 // 8 + around
    mixed = 256 * 14400 * 4 // 8 + 512 * 3600 * 6 // 8 + 1024 * 920 + 2048 * 240
    assert bytes_per_frame(channels, cells, "uint4-6-8-8") == mixed + around
