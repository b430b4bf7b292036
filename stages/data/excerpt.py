"""Which part of a video is read: from when to when, every how many frames, and how large."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stages.data.resize import resize_frame

ROUNDING = 1e-3  # seconds; containers keep time stamps in milliseconds

_FRAME = re.compile(r"(?P<number>\d{1,9})f", re.ASCII | re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(?:(?P<hours>\d{1,4}):)?(?P<minutes>\d{1,6}):)?(?P<seconds>\d{1,9}(?:\.\d*)?|\.\d+)",
    re.ASCII,
)


@dataclass(frozen=True)
class Moment:
    """A place in a video: `seconds` from its start, or the `frame` counted from 0. One is None."""

    seconds: float | None = None
    frame: int | None = None

    def reached(self, frame: int, seconds: float) -> bool:
        """Whether a frame is at it or later."""
        if self.frame is not None:
            return frame >= self.frame
        return seconds >= (self.seconds or 0.0) - ROUNDING

    def at(self, fps: float) -> int:
        """The first frame that has reached it, at a steady rate."""
        if self.frame is not None:
            return self.frame
        return max(0, math.ceil(((self.seconds or 0.0) - ROUNDING) * fps))

    def __str__(self) -> str:
        return f"{self.frame}f" if self.frame is not None else f"{self.seconds:g}"


def parse_moment(text: str) -> Moment:
    """`12.5` or `1:02:03.5` (seconds, minutes, hours) or `250f` (frame 250).

    Raises ValueError, one line, for anything else.
    """
    text = text.strip()
    if counted := _FRAME.fullmatch(text):
        return Moment(frame=int(counted["number"]))
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise ValueError(
            f"{text!r} is no time; write seconds (12.5), [hh:]mm:ss (1:30), or a frame (250f)"
        )
    hours, minutes = int(clock["hours"] or 0), int(clock["minutes"] or 0)
    return Moment(seconds=3600 * hours + 60 * minutes + float(clock["seconds"]))


@dataclass(frozen=True)
class Excerpt:
    """What of a video is read: frames of [start, end), every `stride`-th of them.

    `end` itself is not read. `max_side`: frames whose longer side has more pixels are shrunk to
    it, 0 is no limit.
    """

    start: Moment | None = None
    end: Moment | None = None
    stride: int = 1
    max_side: int = 0

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"a stride of {self.stride}: it must be 1 or more")
        if self.max_side < 0:
            raise ValueError(f"a side of at most {self.max_side} pixels; give a positive number")
        if self._is_empty():
            raise ValueError(f"nothing lies {self}; let the end come after the start")

    def _is_empty(self) -> bool:
        """Whether no video has such frames; of a time and a frame number nothing is known."""
        if self.end is None:
            return False
        start, end = self.start or Moment(0.0, 0), self.end
        if end.frame is not None:
            return start.frame is not None and start.frame >= end.frame
        return start.seconds is not None and start.seconds >= (end.seconds or 0.0)

    def count(self, frames: int, fps: float) -> int:
        """About how many of a video's `frames` it takes."""
        first = 0 if self.start is None else self.start.at(fps)
        last = frames if self.end is None else min(self.end.at(fps), frames)
        return len(range(first, last, self.stride))

    def cut(self, seconds: Fraction) -> Fraction:
        """Where it ends, in seconds, given when the first frame behind it is shown."""
        end = None if self.end is None else self.end.seconds
        return seconds if end is None else min(seconds, Fraction(str(end)))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) of a frame after shrinking, in proportion."""
        longer = max(height, width)
        if not self.max_side or longer <= self.max_side:
            return height, width
        share = self.max_side / longer
        return max(1, round(height * share)), max(1, round(width * share))

    def shrink(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A frame [H, W, 3] as large as it may be."""
        return resize_frame(frame, self.size(*frame.shape[:2]))

    def __str__(self) -> str:
        parts = [f"from {self.start}"] if self.start is not None else []
        parts += [f"to {self.end}"] if self.end is not None else []
        return " ".join(parts) or "all"


WHOLE = Excerpt()


class Selection:
    """One pass over a video's frames: which of them an excerpt takes.

    `number(i)` of the i-th frame taken is known once the first was.
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self._excerpt = excerpt
        self._first: int | None = None

    def takes(self, frame: int, seconds: float) -> bool:
        """Whether frame number `frame`, at `seconds`, is read; told of every frame in order."""
        start = self._excerpt.start
        if self._first is None:
            if start is not None and not start.reached(frame, seconds):
                return False
            self._first = frame
        return (frame - self._first) % self._excerpt.stride == 0

    def over(self, frame: int, seconds: float) -> bool:
        """Whether this frame and all behind it are not read."""
        end = self._excerpt.end
        return end is not None and end.reached(frame, seconds)

    def number(self, index: int) -> int:
        """The video's own number of the index-th frame taken."""
        return (self._first or 0) + index * self._excerpt.stride
