"""Videos that are made of the answers: at the times of the video, and with its sound."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from pathlib import Path

from stages.data.sound import Sound
from stages.data.video import VideoSource
from stages.data.video_file import Frame
from stages.data.video_formats import VideoFormat
from stages.data.video_writer import VideoWriter
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.result import Result
from stages.runtime.progress import say


class Film(Result):
    """A video file with a picture for every answer.

    Where only a part of the video is read, that part begins at 0. Where the answers end before
    the video does, the sound ends with them.
    """

    def __init__(self, path: Path, source: VideoSource, kind: VideoFormat) -> None:
        self.source, self.count = source, 0
        part = source.excerpt.start is not None
        self.start = source.times.seconds(0) if part else Fraction(0)
        end = source.excerpt.cut(Fraction(10**9)) if source.excerpt.end is not None else None
        self.sound = None
        if source.path.is_file():
            self.sound = Sound(source.path, self.start if part else None, end)
        self.writer = VideoWriter(path, source.fps, kind, source.times.tick, self.sound)

    @abstractmethod
    def draw(self, answer: FrameAnswer) -> Frame:
        """The picture, RGB or RGBA, all of one size."""

    def add(self, answer: FrameAnswer) -> None:
        """Draw and encode the frame."""
        self.writer.write(self.draw(answer), answer.at - self.start)
        self.count += 1

    def close(self) -> None:
        """The file appears."""
        times = self.source.times
        if self.count:
            end = times.until(self.count - 1)
            self.writer.end(end - self.start)
            if self.sound is not None and self._ends_early():
                self.sound.end = end
        self.writer.__exit__(None, None, None)
        if self.sound is not None and self.sound.problem:
            say(f"note: {self.sound.problem}")

    def abandon(self, error: BaseException) -> None:
        """The file does not appear."""
        self.writer.__exit__(type(error), error, error.__traceback__)

    def _ends_early(self) -> bool:
        counted = self.source.excerpt.end is not None and self.source.excerpt.end.frame is not None
        return counted or self.source.shortfall is not None
