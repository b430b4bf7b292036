"""Network input sizes and the resizing of frames and masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from configs.schema import SMALLEST_SIDE, FeaturesConfig


def fitted_size(height: int, width: int, short_side: int, long_side: int = 0) -> tuple[int, int]:
    """(height, width) with the shorter side at `short_side`, the longer at most `long_side`.

    The other side keeps the proportion, truncated. When it would pass `long_side` (0 = no limit)
    the shorter side shrinks to round(long_side * shorter / longer) first. This is the rule of the
    authors' training (long_side 640) and test (short_side 360, no limit) code.
    """
    shorter, longer = min(height, width), max(height, width)
    if shorter < 1:
        raise DataError(f"a frame of {height} x {width} pixels cannot be resized")
    if long_side and longer / shorter * short_side > long_side:
        short_side = max(1, round(long_side * shorter / longer))
    other = int(short_side * longer / shorter)
    return (short_side, other) if height <= width else (other, short_side)


def network_size(
    height: int, width: int, features: FeaturesConfig, where: object
) -> tuple[int, int]:
    """The fitted (height, width) of a frame under `features`.

    DataError, naming `where` it is, when it is too narrow for the encoders at that size.
    """
    size = fitted_size(height, width, features.short_side, features.long_side)
    if min(size) < SMALLEST_SIDE:
        raise DataError(
            f"{where}: frames of {width} x {height} pixels would be {size[1]} x {size[0]} for the "
            f"network, and each side needs {SMALLEST_SIDE}; crop them or raise features.long_side"
        )
    return size


def resize_frame(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`frame` [H, W, 3] at `size` (height, width): area-averaged down, bilinear up."""
    import cv2

    height, width = size
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height * width < frame.shape[0] * frame.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (width, height), interpolation=how), dtype=np.uint8)


def resize_mask(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`mask` [H, W] of ids at `size` (height, width): nearest pixel centre, as Pillow's NEAREST."""
    import cv2

    height, width = size
    if mask.shape == (height, width):
        return mask
    how = cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(mask, (width, height), interpolation=how), dtype=np.uint8)
