"""The video with the object marked, for people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.data.video import VideoSource
from stages.data.video_file import Frame
from stages.data.video_formats import h264
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.drawing import drawn
from stages.predicting.results.film import Film

_GAP = 4  # pixels between two pictures


class OverlayVideo(Film):
    """An H.264 file of the frames with the object tinted and the sentence below.

    numbered: see `drawn`. side_by_side: the frames as they are stand to the left.
    """

    def __init__(
        self,
        path: Path,
        sentence: str,
        source: VideoSource,
        numbered: bool = False,
        side_by_side: bool = False,
    ) -> None:
        super().__init__(path, source, h264())
        self.sentence, self.numbered, self.side_by_side = sentence, numbered, side_by_side

    def draw(self, answer: FrameAnswer) -> Frame:
        """The frame with its mask and the band below it."""
        marked = drawn(answer, self.sentence, self.numbered)
        return beside(answer.frame, marked) if self.side_by_side else marked


def beside(frame: Frame, marked: Frame) -> Frame:
    """A frame to the left of its marked copy, which is as wide and may be higher."""
    height, width = frame.shape[:2]
    both = np.zeros((marked.shape[0], 2 * width + _GAP, 3), np.uint8)
    both[height:] = marked[-1, 0]  # the band goes on
    both[:height, :width] = frame
    both[:, width + _GAP :] = marked
    return both
