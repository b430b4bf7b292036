"""Quantising on a device gives the bytes that quantising in numpy gives."""

import numpy as np
import pytest
import torch

from cache import dequantise, quantise
from cache.stored_types import STORED_TYPES
from configs import DataError
from stages.caching.quantisation import dequantise_on_device, quantise_on_device


@pytest.mark.parametrize("level", [0, 1, 3])
@pytest.mark.parametrize("stored_type", sorted(STORED_TYPES))
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_same_bytes_as_numpy(stored_type: str, level: int, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 5, 7, 11, generator=generator).clamp(min=-0.5)
    maps[1, 2] = 0
    maps[2, 3] = 4.25
    expected = quantise(maps.numpy(), stored_type, level)
    found = quantise_on_device(maps.to(memory_format=layout), stored_type, level)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.values.flags.c_contiguous
    for one, other in ((found.scale, expected.scale), (found.offset, expected.offset)):
        np.testing.assert_array_equal(one, other)
    assert found.packed == expected.packed
    np.testing.assert_array_equal(dequantise_on_device(found, "cpu").numpy(), dequantise(expected))


@pytest.mark.parametrize("nbytes", [1, 4 * 77, 4 * 77 * 4, 4 * 77 * 14])
@pytest.mark.parametrize("stored_type", ["uint8", "uint6"])
def test_blocks_of_any_size_give_the_same_floats(
    stored_type: str, nbytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = quantise(np.random.default_rng(0).normal(size=(3, 5, 7, 11)), stored_type)
    monkeypatch.setattr("stages.caching.quantisation.BLOCK_BYTES", nbytes)
    np.testing.assert_array_equal(dequantise_on_device(stored, "cpu").numpy(), dequantise(stored))


@pytest.mark.parametrize("stored_type", sorted(STORED_TYPES))
def test_nan_is_refused(stored_type: str) -> None:
    with pytest.raises(DataError, match="NaN"):
        quantise_on_device(torch.full((1, 1, 2, 2), torch.nan), stored_type)
