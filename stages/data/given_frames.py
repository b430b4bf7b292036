"""Frames that a program has in memory, as a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.frame_times import FrameTimes
from stages.data.video_file import Frame


class GivenFrames:
    """Frames RGB uint8 [H, W, 3] of one size, at `fps` frames a second, taken as they are asked."""

    shortfall: str | None = None

    def __init__(self, frames: Iterable[NDArray[np.uint8]], fps: float) -> None:
        self._frames = frames
        self.fps = fps
        self.expected = len(frames) if isinstance(frames, Sized) else 0
        self.times = FrameTimes(1 / Fraction(fps).limit_denominator(1001))

    def name(self, index: int) -> str:
        """Its number with five digits."""
        return f"{index:05d}"

    def __iter__(self) -> Iterator[Frame]:
        size: tuple[int, ...] | None = None
        for number, given in enumerate(self._frames):
            frame = rgb(given, f"frame {number}")
            size = size or frame.shape
            if frame.shape != size:
                raise DataError(
                    f"frame {number} is of {frame.shape[1]} x {frame.shape[0]} pixels, those "
                    f"before of {size[1]} x {size[0]}; give frames of one size"
                )
            self.times.next(number, number, 1)
            self.times.take()
            yield frame


def rgb(given: object, where: str) -> Frame:
    """A frame of a caller as it has to be; DataError naming `where` it is, when it is not."""
    frame = np.asarray(given)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise DataError(
            f"{where} is an array of {frame.dtype} {list(frame.shape)}; give RGB as uint8 [H, W, 3]"
        )
    return np.ascontiguousarray(frame)
