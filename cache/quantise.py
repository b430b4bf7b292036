"""Feature maps as levels: one scale and one offset a frame and channel.

Between a map's least and greatest value lie 2**bits - 1 steps. The least value is stored exactly,
so a zero after ReLU stays zero; with 8 bits the error is about half a percent, and every bit less
doubles it. Clipping the greatest values and steps that grow with the value were tried: each helps
some maps, harms others, and gives up the bound of half a step.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cache.packing import pack, packed_size, unpack
from cache.stored_types import STORED_TYPES, StoredType, stored_type


class Packed(NamedTuple):
    """What packed values are: levels of so many bits, of maps of height times width cells."""

    bits: int
    height: int
    width: int

    @classmethod
    def of(cls, kind: StoredType, level: int, shape: tuple[int, ...]) -> "Packed | None":
        """How a level of maps [..., h, w] is packed; None where it is not."""
        if not kind.packed(level):
            return None
        return cls(kind.bits[level], *shape[-2:])


@dataclass(frozen=True)
class QuantisedMaps:
    """Maps of one pyramid level.

    values: uint8, float16 or float32 [T, C, h, w]; where `packed` is given, uint8 [T, C, bytes]
    (packing.py). scale, offset: float32 [T, C], or None where the values are floats already. The
    map is values * scale + offset.
    """

    values: NDArray[np.generic]
    scale: NDArray[np.float32] | None = None
    offset: NDArray[np.float32] | None = None
    packed: Packed | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, h, w), also where the values are packed."""
        frames, channels, *cells = self.values.shape
        height, width = cells if self.packed is None else self.packed[1:]
        return frames, channels, height, width

    @property
    def nbytes(self) -> int:
        """Bytes of values, scale and offset together."""
        parts = (self.values, self.scale, self.offset)
        return sum(part.nbytes for part in parts if part is not None)


def quantise(maps: NDArray[np.floating], name: str = "uint8", level: int = 0) -> QuantisedMaps:
    """Maps [T, C, h, w] to a type of STORED_TYPES.

    level: of the pyramid, 0 to 3; decides the bits where they differ. The error of a scaled value
    is at most half its channel's scale. Raises ValueError for an unknown type and for maps that
    are not finite, also after rounding to fp16.
    """
    kind = stored_type(name)
    floats = np.asarray(maps, dtype=np.float32)
    if not kind.scaled:
        with np.errstate(over="ignore"):
            values = floats.astype(kind.dtype(level))
        _require_finite(values)
        return QuantisedMaps(values)
    bits = kind.bits[level]
    greatest = np.float32(2**bits - 1)
    least = floats.min(axis=(2, 3))
    scale = (floats.max(axis=(2, 3)) - least) / greatest
    _require_finite(scale)
    # A constant map has scale 0: dividing by 1 instead leaves its values at 0.
    divisor = np.where(scale > 0, scale, np.float32(1))
    steps = floats - least[:, :, None, None]
    steps /= divisor[:, :, None, None]
    # Rounding of a tiny scale may put the greatest value a step too high.
    np.clip(np.rint(steps, out=steps), 0, greatest, out=steps)
    levels = steps.astype(np.uint8)
    if not kind.packed(level):
        return QuantisedMaps(levels, scale, least)
    frames, channels, height, width = levels.shape
    packed = np.zeros((frames, channels, packed_size(height * width, bits)), np.uint8)
    pack(levels.reshape(frames, channels, -1), bits, packed)
    return QuantisedMaps(packed, scale, least, Packed(bits, height, width))


def dequantise(maps: QuantisedMaps) -> NDArray[np.float32]:
    """The float32 maps [T, C, h, w] that were quantised, up to rounding."""
    values = maps.values
    if maps.packed is not None:
        flat = np.zeros((*values.shape[:2], maps.packed.height * maps.packed.width), np.uint8)
        unpack(values, maps.packed.bits, flat)
        values = flat.reshape(maps.shape)
    floats = values.astype(np.float32)
    if maps.scale is not None and maps.offset is not None:
        floats *= maps.scale[:, :, None, None]
        floats += maps.offset[:, :, None, None]
    return floats


def bytes_per_frame(channels: list[int], sizes: list[tuple[int, int]], stored: str) -> int:
    """Bytes that one frame takes, scales and checksums included.

    channels: of each level; sizes: (h, w) of each level in cells.
    """
    kind = STORED_TYPES[stored]
    values = 0
    for level, (count, size) in enumerate(zip(channels, sizes, strict=True)):
        values += kind.frame_bytes(level, (count, *size))
    return values + (8 * sum(channels) if kind.scaled else 0) + 4 * len(channels)


def _require_finite(values: NDArray[np.generic]) -> None:
    if not np.isfinite(values).all():
        raise ValueError("feature maps hold NaN or infinity, or exceed the stored type")
