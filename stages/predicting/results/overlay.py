"""The video with the object marked, for people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.data.overlay import overlay_frame
from stages.data.video import VideoSource
from stages.data.video_file import Frame
from stages.data.video_formats import h264
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.film import Film

_GAP = 4  # pixels between two pictures


class OverlayVideo(Film):
    """An H.264 file of the frames with the object tinted and the sentence below.

    side_by_side: the frames as they are stand to the left.
    """

    def __init__(
        self, path: Path, sentence: str, source: VideoSource, side_by_side: bool = False
    ) -> None:
        super().__init__(path, source, h264())
        self.sentence, self.side_by_side = sentence, side_by_side

    def draw(self, answer: FrameAnswer) -> Frame:
        """The frame with its mask and the band below it."""
        drawn = overlay_frame(answer.frame, answer.mask, self.sentence, answer.presence)
        return beside(answer.frame, drawn) if self.side_by_side else drawn


def beside(frame: Frame, drawn: Frame) -> Frame:
    """A frame to the left of what was drawn of it, which is as wide and may be higher."""
    height, width = frame.shape[:2]
    both = np.zeros((drawn.shape[0], 2 * width + _GAP, 3), np.uint8)
    both[height:] = drawn[-1, 0]  # the band goes on
    both[:height, :width] = frame
    both[:, width + _GAP :] = drawn
    return both
