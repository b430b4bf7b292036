"""When the frames of a video are shown: exactly, in ticks, as containers keep time."""

from __future__ import annotations

from array import array
from fractions import Fraction


class FrameTimes:
    """Filled during one pass over a video. Rates may vary: every frame has a time of its own.

    tick: seconds, of which all times are whole multiples.
    """

    def __init__(self, tick: Fraction) -> None:
        self.tick = tick
        self._taken = array("q")  # eight bytes a frame, however long the video
        self._latest: int | None = None
        self._end = 0

    def next(self, at: int | None, guess: int, lasts: int) -> int:
        """Note the next decoded frame, taken or not, and give its time in ticks from the start.

        at: its time stamp, None where the file has none; `guess` then holds. Times go forward:
        a stamp that does not is taken for the tick after the frame before.
        """
        found = guess if at is None else at
        if self._latest is not None:
            found = max(found, self._latest + 1)
        self._latest = found
        self._end = found + max(1, lasts)
        return found

    def take(self) -> None:
        """The frame noted last is one of those that are read."""
        assert self._latest is not None
        self._taken.append(self._latest)

    def stop(self, seconds: Fraction) -> None:
        """Nothing is read from this time on."""
        self._end = min(self._end, round(seconds / self.tick))

    def seconds(self, index: int) -> Fraction:
        """When the index-th frame that was taken is shown, from the start of the video."""
        return self._taken[index] * self.tick

    def until(self, index: int) -> Fraction:
        """When the next frame that was taken follows the index-th, or else the end."""
        return self.seconds(index + 1) if index + 1 < len(self._taken) else self.end

    @property
    def end(self) -> Fraction:
        """When the last frame seen has been shown, in seconds from the start of the video."""
        return self._end * self.tick
