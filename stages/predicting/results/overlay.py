"""The video with the object marked, for people."""

from __future__ import annotations

from pathlib import Path

from stages.data.video_writer import VideoWriter
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.drawing import drawn
from stages.predicting.results.result import Result


class OverlayVideo(Result):
    """An H.264 file of the frames with the object tinted and the sentence below.

    fps: frames a second. numbered: see `drawn`.
    """

    def __init__(self, path: Path, sentence: str, fps: float, numbered: bool = False) -> None:
        self.sentence, self.numbered = sentence, numbered
        self.film = VideoWriter(path, fps)

    def add(self, answer: FrameAnswer) -> None:
        """Draw and encode the frame."""
        self.film.write(drawn(answer, self.sentence, self.numbered))

    def close(self) -> None:
        """The file appears."""
        self.film.__exit__(None, None, None)

    def abandon(self, error: BaseException) -> None:
        """The file does not appear."""
        self.film.__exit__(type(error), error, error.__traceback__)
