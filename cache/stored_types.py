"""The named ways of storing maps: how many bits a value has at each stride, and what follows.

Below a byte, values are packed (packing.py): the size of a frame is known beforehand, and the
training device unpacks them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cache.packing import packed_size

FLOATS: dict[int, np.dtype[Any]] = {16: np.dtype("<f2"), 32: np.dtype("<f4")}
BYTE = 8


@dataclass(frozen=True)
class StoredType:
    """bits: of a value at strides 4, 8, 16, 32; 16 and 32 are floats."""

    bits: tuple[int, int, int, int]

    @property
    def scaled(self) -> bool:
        """Whether values are levels between a least and a greatest value, not floats."""
        return self.bits[0] not in FLOATS

    def dtype(self, level: int) -> np.dtype[Any]:
        """Type of the stored array of a pyramid level (0 to 3)."""
        return FLOATS.get(self.bits[level], np.dtype(np.uint8))

    def packed(self, level: int) -> bool:
        """Whether several values share a byte."""
        return self.bits[level] < BYTE

    def stored_shape(self, level: int, shape: tuple[int, int, int]) -> tuple[int, ...]:
        """Shape in which a map (C, h, w) is stored: itself, or (C, bytes) where packed."""
        channels, height, width = shape
        if not self.packed(level):
            return shape
        return channels, packed_size(height * width, self.bits[level])

    def frame_bytes(self, level: int, shape: tuple[int, int, int]) -> int:
        """Bytes of one frame's values of a map (C, h, w), checksum not included."""
        return math.prod(self.stored_shape(level, shape)) * self.dtype(level).itemsize


STORED_TYPES: dict[str, StoredType] = {
    "uint8": StoredType((8, 8, 8, 8)),
    "uint6": StoredType((6, 6, 6, 6)),
    "uint4": StoredType((4, 4, 4, 4)),
    "uint4-6-8-8": StoredType((4, 6, 8, 8)),
    "fp16": StoredType((16, 16, 16, 16)),
    "fp32": StoredType((32, 32, 32, 32)),
}


def stored_type(name: str) -> StoredType:
    """The type of a name. Raises ValueError for an unknown one."""
    if name not in STORED_TYPES:
        raise ValueError(f"unknown stored type {name!r}: one of {', '.join(STORED_TYPES)}")
    return STORED_TYPES[name]
