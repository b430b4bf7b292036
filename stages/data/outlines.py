"""Outlines of objects as annotation files give them, drawn as masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.rle import decode_rle

Mask = NDArray[np.bool_]
_FAR = 10  # times the longer side; farther points are no pixels
_FINE = 4  # times finer than pixels: OpenCV's polygons hold their border too, half a pixel more


@dataclass(frozen=True)
class Polygons:
    """Closed lines [N, 2] as x and y in pixels; the object is their union."""

    parts: tuple[NDArray[np.float32], ...]

    def mask(self, height: int, width: int) -> Mask:
        """The pixels [H, W] of which it covers more than half."""
        drawn = np.zeros((height * _FINE, width * _FINE), np.uint8)
        for part in self.parts:  # one by one: together, what two parts share would be a hole
            cv2.fillPoly(drawn, [np.round(part * _FINE - 0.5).astype(np.int32)], (255,))
        return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA) > 127)

    @property
    def pieces(self) -> int:
        """How many lines it takes: an object behind others comes in several."""
        return len(self.parts)


@dataclass(frozen=True)
class RunLengths:
    """COCO's run-length mask, decoded when it is asked for."""

    value: Any
    where: str
    pieces: int = 1

    def mask(self, height: int, width: int) -> Mask:
        """The object's pixels [H, W]; DataError when malformed or of another size."""
        mask = decode_rle(self.value, self.where)
        if mask.shape != (height, width):
            raise DataError(f"{self.where}: the mask's size is not its picture's; correct it")
        return mask


def fill(shape: Polygons | RunLengths, size: tuple[int, int], where: str) -> Mask:
    """The pixels of a shape on a picture of `size` (height, width), of which there are some.

    DataError, naming `where` it is, when it covers none or lies far outside.
    """
    if isinstance(shape, Polygons):
        farthest = max(float(np.abs(part).max()) for part in shape.parts)
        if farthest > _FAR * max(size):
            raise DataError(
                f"{where}: a point lies far outside of its picture; give points in pixels"
            )
    mask = shape.mask(*size)
    if not mask.any():
        raise DataError(
            f"{where}: the outline covers no pixel of its picture; give its points in pixels"
        )
    return mask


def read_shape(value: Any, where: str) -> Polygons | RunLengths:
    """COCO's `segmentation`: polygons [[x, y, x, y, ...], ...] or a run-length mask.

    DataError where it outlines no area or is malformed.
    """
    if isinstance(value, dict):
        return RunLengths(value, where)
    try:
        parts = [np.asarray(part, np.float32).reshape(-1, 2) for part in value]
    except (TypeError, ValueError):
        raise DataError(f"{where}: the outline is no list of x and y; correct it") from None
    parts = [part for part in parts if len(part) >= 3]
    if not parts or not all(np.isfinite(part).all() for part in parts):
        raise DataError(f"{where}: the outline has no area; correct or remove it")
    return Polygons(tuple(parts))
