"""Values of 1 to 7 bits in bytes without a gap, for NumPy arrays and torch tensors alike.

The bits of a value are split into fields of 4, 2 and 1 bits, the lowest bits first; 6 bits are
4 + 2. Of n values, a field of b bits takes m = ceil(n * b / 8) bytes, and value i lies in byte
i % m of them, shifted by b * (i // m). So every step below works on long contiguous runs, which a
GPU and a vector unit both like; a plain stream of bits would not.
"""

from collections.abc import Iterator
from typing import Any

_FIELDS = (4, 2, 1)


def packed_size(count: int, bits: int) -> int:
    """Bytes of `count` packed values of 1 to 7 bits."""
    return sum(size for _, _, size in _fields(count, bits))


def pack(values: Any, bits: int, out: Any) -> None:
    """Pack uint8 values [..., n] below 2**bits into zeroed uint8 out [..., packed_size(n, bits)].

    Both are NumPy arrays, or both are torch tensors on one device.
    """
    start = 0
    for width, shift, size in _fields(values.shape[-1], bits):
        field = out[..., start : start + size]
        for place, part in _runs(values, width, size):
            field[..., : part.shape[-1]] |= ((part >> shift) & (2**width - 1)) << place
        start += size


def unpack(packed: Any, bits: int, out: Any) -> None:
    """Undo `pack`: uint8 packed [..., bytes] into zeroed uint8 out [..., n]."""
    start = 0
    for width, shift, size in _fields(out.shape[-1], bits):
        field = packed[..., start : start + size]
        for place, part in _runs(out, width, size):
            part |= ((field[..., : part.shape[-1]] >> place) & (2**width - 1)) << shift
        start += size


def _fields(count: int, bits: int) -> Iterator[tuple[int, int, int]]:
    """(bits, place of its lowest bit in a value, bytes) of each field of `count` values."""
    shift = 0
    for width in _FIELDS:
        if bits & width:
            yield width, shift, -(-count * width // 8)
            shift += width


def _runs(values: Any, width: int, size: int) -> Iterator[tuple[int, Any]]:
    """(place in the byte, values [..., up to size]) of the runs that share a field's bytes."""
    for run, place in enumerate(range(0, 8, width)):
        part = values[..., run * size : (run + 1) * size]
        if part.shape[-1]:
            yield place, part
