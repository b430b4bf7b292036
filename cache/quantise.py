"""Feature maps as bytes: one scale and one offset a frame and channel.

The maps of a frozen network are skewed and mostly zero; per channel, 256 levels between a map's
least and greatest value cost about half a percent of relative error, where fp16 costs twice the
bytes. The least value is stored exactly, so a zero after ReLU stays zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
# Stored type of each scheme; those in SCALED carry a scale and an offset.
SCHEMES: dict[str, np.dtype[Any]] = {
    "uint8": np.dtype(np.uint8),
    "fp16": np.dtype("<f2"),
    "fp32": np.dtype("<f4"),
}
SCALED = frozenset({"uint8"})


@dataclass(frozen=True)
class QuantisedMaps:
    """Maps of one pyramid level.

    values: uint8, float16 or float32 [T, C, h, w]. scale, offset: float32 [T, C], or None where
    the values are floats already. The map is values * scale + offset.
    """

    values: NDArray[np.generic]
    scale: NDArray[np.float32] | None = None
    offset: NDArray[np.float32] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of values, scale and offset together."""
        parts = (self.values, self.scale, self.offset)
        return sum(part.nbytes for part in parts if part is not None)


def quantise(maps: NDArray[np.floating], scheme: str = "uint8") -> QuantisedMaps:
    """Maps [T, C, h, w] to a scheme of SCHEMES.

    The error of a uint8 value is at most half its channel's scale. Raises ValueError for an
    unknown scheme and for maps that are not finite, also after rounding to fp16.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"unknown quantisation {scheme!r}: one of {', '.join(SCHEMES)}")
    floats = np.asarray(maps, dtype=np.float32)
    if scheme not in SCALED:
        with np.errstate(over="ignore"):
            values = floats.astype(SCHEMES[scheme])
        _require_finite(values)
        return QuantisedMaps(values)
    least = floats.min(axis=(2, 3))
    scale = (floats.max(axis=(2, 3)) - least) / np.float32(LEVELS)
    _require_finite(scale)
    # A constant map has scale 0: dividing by 1 instead leaves its values at 0.
    divisor = np.where(scale > 0, scale, np.float32(1))
    steps = floats - least[:, :, None, None]
    steps /= divisor[:, :, None, None]
    # Rounding of a tiny scale may put the greatest value a step too high.
    np.clip(np.rint(steps, out=steps), 0, LEVELS, out=steps)
    return QuantisedMaps(steps.astype(np.uint8), scale, least)


def dequantise(maps: QuantisedMaps) -> NDArray[np.float32]:
    """The float32 maps [T, C, h, w] that were quantised, up to rounding."""
    floats = maps.values.astype(np.float32)
    if maps.scale is not None and maps.offset is not None:
        floats *= maps.scale[:, :, None, None]
        floats += maps.offset[:, :, None, None]
    return floats


def bytes_per_frame(channels: list[int], sizes: list[tuple[int, int]], scheme: str) -> int:
    """Bytes that one frame takes, scales and checksums included.

    channels: of each level; sizes: (h, w) of each level in cells.
    """
    width = SCHEMES[scheme].itemsize
    values = sum(c * h * w * width for c, (h, w) in zip(channels, sizes, strict=True))
    return values + (8 * sum(channels) if scheme in SCALED else 0) + 4 * len(channels)


def _require_finite(values: NDArray[np.generic]) -> None:
    if not np.isfinite(values).all():
        raise ValueError("feature maps hold NaN or infinity, or exceed the stored type")
