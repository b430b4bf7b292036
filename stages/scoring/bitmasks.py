"""Masks with 64 pixels to a machine word, and what boundaries need done with them.

A shift, an "or" or a comparison then treats 64 pixels at once; whole videos are worked on together.
``words`` is always uint64 [T, H, ceil(W/64)], pixel x of a row being bit x % 64 of word x // 64.
Bits beyond W are zero on entry; `dilate` may set them.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

BITS = 64


def pack(mask: npt.NDArray[np.bool_]) -> Words:
    """bool [T, H, W] -> words."""
    frames, height, width = mask.shape
    packed = np.packbits(mask, axis=-1, bitorder="little")
    padded = np.zeros((frames, height, -(-width // BITS) * 8), dtype=np.uint8)
    padded[..., : packed.shape[-1]] = packed
    return padded.view("<u8").astype(np.uint64, copy=False)


def count(words: Words) -> npt.NDArray[np.int64]:
    """Pixels set per frame, [T]."""
    return np.bitwise_count(words).sum(axis=(1, 2), dtype=np.int64)


def edges(words: Words, width: int) -> Words:
    """Pixels that differ from their right, lower or lower-right neighbour.

    The last row is compared along itself, the last column likewise, and the last corner is never
    an edge: the convention of ``seg2bmap`` (Martin et al., the Berkeley segmentation benchmark).
    """
    inner = _columns(width - 1, words.shape[2])
    right = _towards_left(words, 1)
    found = (words ^ right) & inner
    found[:, :-1] |= words[:, :-1] ^ words[:, 1:]
    found[:, :-1] |= (words[:, :-1] ^ right[:, 1:]) & inner
    return found


def dilate(words: Words, radius: int) -> Words:
    """Every pixel within ``radius`` pixels of a set one, in Euclidean distance.

    A disk is a stack of rows. Rows of growing width come from one another by shifting a row
    sideways by at most its own width plus one, and each is laid where the disk has that width.
    """
    height = words.shape[1]
    grown = np.zeros_like(words)
    row, reach = words, 0
    for width, offsets in _disk_rows(radius):
        while reach < width:
            step = min(width - reach, reach + 1, BITS - 1)
            row = _widened(row, step)
            reach += step
        for offset in offsets:
            if offset == 0:
                grown |= row
            elif offset < height:
                grown[:, offset:] |= row[:, :-offset]
                grown[:, :-offset] |= row[:, offset:]
    return grown


class Box(NamedTuple):
    """Half-open ranges of rows and of words."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, words: Words) -> Words:
        """The part of ``words`` inside, as a view."""
        return words[:, self.top : self.bottom, self.left : self.right]

    def grown(self, pixels: int) -> Box:
        """Larger on every side by at least that many pixels."""
        whole = -(-pixels // BITS)
        return Box(self.top - pixels, self.bottom + pixels, self.left - whole, self.right + whole)

    def overlap(self, other: Box) -> Box:
        """What lies in both."""
        return Box(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    @property
    def empty(self) -> bool:
        """Whether nothing lies inside."""
        return self.bottom <= self.top or self.right <= self.left


def whole_box(words: Words) -> Box:
    """All rows and words."""
    return Box(0, words.shape[1], 0, words.shape[2])


def bounds(words: Words) -> Box:
    """The smallest box around what is set in any frame; empty if nothing is."""
    merged = np.bitwise_or.reduce(words, axis=0)
    rows = np.flatnonzero(merged.any(axis=1))
    columns = np.flatnonzero(merged.any(axis=0))
    if not rows.size:
        return Box(0, 0, 0, 0)
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


@lru_cache(maxsize=64)
def _disk_rows(radius: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Half widths of a disk's rows, rising, each with the distances from the middle row."""
    rows: dict[int, list[int]] = {}
    for offset in range(radius, -1, -1):
        rows.setdefault(isqrt(radius * radius - offset * offset), []).append(offset)
    return tuple((width, tuple(offsets)) for width, offsets in sorted(rows.items()))


@lru_cache(maxsize=64)
def _columns(stop: int, words: int) -> Words:
    """uint64 [words] with the bits of columns 0 .. stop - 1 set."""
    return pack((np.arange(words * BITS) < stop)[None, None])[0, 0]


def _widened(words: Words, by: int) -> Words:
    """Every column takes what lies `by` columns to either side, too; 0 < by < BITS."""
    near, far = np.uint64(by), np.uint64(BITS - by)
    wide = words | words >> near
    wide |= words << near
    wide[..., :-1] |= words[..., 1:] << far
    wide[..., 1:] |= words[..., :-1] >> far
    return wide


def _towards_left(words: Words, by: int) -> Words:
    """Column x takes the value of column x + by; zeros come in. 0 < by."""
    whole, bits = divmod(by, BITS)
    moved = np.zeros_like(words)
    kept = words[..., whole:]
    target = moved[..., : kept.shape[-1]]
    np.right_shift(kept, np.uint64(bits), out=target)
    if bits:
        target[..., :-1] |= kept[..., 1:] << np.uint64(BITS - bits)
    return moved
