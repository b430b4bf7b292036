"""The object alone on nothing, for editors to lay over something else."""

from __future__ import annotations

import cv2
import numpy as np

from stages.data.video_file import Frame
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.film import Film

_MARGIN = 33  # pixels square, by which colours go on beyond the mask


class CutOut(Film):
    """A video with transparency: opaque where an object is marked, and nothing elsewhere.

    Colours are not multiplied by the opacity, and go on some pixels beyond the mask, so that an
    editor may soften or grow its edge.
    """

    def draw(self, answer: FrameAnswer) -> Frame:
        """The frame [H, W, 4]."""
        opaque = answer.mask.astype(np.uint8) * 255
        near = cv2.dilate(opaque, np.ones((_MARGIN, _MARGIN), np.uint8))
        colours = np.where(near[..., None] > 0, answer.frame, 0)
        return np.dstack([colours, opaque]).astype(np.uint8)
