"""Packing: what goes in comes out, in the bytes that the documentation promises."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cache.packing import pack, packed_size, unpack

BITS = st.integers(1, 7)


@st.composite
def levels(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Values [2, n] below 2**bits, and the bits; n takes every remainder of a division by 8."""
    bits, count = draw(BITS), draw(st.integers(1, 41))
    return draw(hnp.arrays(np.uint8, (2, count), elements=st.integers(0, 2**bits - 1))), bits


def packed(values: np.ndarray, bits: int) -> np.ndarray:
    out = np.zeros((*values.shape[:-1], packed_size(values.shape[-1], bits)), np.uint8)
    pack(values, bits, out)
    return out


@given(levels())
def test_unpacking_undoes_packing(case: tuple[np.ndarray, int]) -> None:
    values, bits = case
    out = np.zeros_like(values)
    unpack(packed(values, bits), bits, out)
    np.testing.assert_array_equal(out, values)


@given(levels())
def test_torch_packs_the_same_bytes(case: tuple[np.ndarray, int]) -> None:
    values, bits = case
    expected = packed(values, bits)
    out = torch.zeros(expected.shape, dtype=torch.uint8)
    pack(torch.from_numpy(values), bits, out)
    np.testing.assert_array_equal(out.numpy(), expected)
    back = torch.zeros(values.shape, dtype=torch.uint8)
    unpack(out, bits, back)
    np.testing.assert_array_equal(back.numpy(), values)


@given(levels())
def test_layout_is_the_documented_one(case: tuple[np.ndarray, int]) -> None:
    """Bit by bit, as the module's docstring says it, without its code."""
    values, bits = case
    count = values.shape[1]
    expected = np.zeros_like(packed(values, bits))
    start = lowest = 0
    for width in (4, 2, 1):
        if bits & width:
            size = -(-count * width // 8)
            for i in range(count):
                field = (values[:, i].astype(int) >> lowest) % 2**width
                expected[:, start + i % size] += (field << width * (i // size)).astype(np.uint8)
            start, lowest = start + size, lowest + width
    np.testing.assert_array_equal(packed(values, bits), expected)


@given(st.integers(1, 10**6), BITS)
def test_size_is_that_of_the_bits(count: int, bits: int) -> None:
    least = -(-count * bits // 8)
    assert least <= packed_size(count, bits) <= least + 2


def test_closed_form() -> None:
    """Six bits are four, then two: 0b100001 and 0b111110 leave 1 and 14, then 2 and 3."""
    values = np.array([[0b100001, 0b111110]], np.uint8)
    assert packed(values, 6).tolist() == [[0b1110_0001, 0b11_10]]


@pytest.mark.parametrize(("bits", "expected"), [(4, 7200), (6, 10800), (5, 9000), (7, 12600)])
def test_a_resnet_map_has_no_gap(bits: int, expected: int) -> None:
    assert packed_size(90 * 160, bits) == expected
