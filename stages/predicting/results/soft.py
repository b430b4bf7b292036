"""Soft masks: how likely each pixel is the object's, a grey PNG a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.data.overlay import write_png
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.result import Result


class SoftMaskFolder(Result):
    """A folder of 8-bit grey PNGs named as the frames: 0 is certainly not, 255 certainly.

    It is what the network says, before masks are brought to the picture's edges; of several objects
    the likeliest at each pixel.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, answer: FrameAnswer) -> None:
        """Write the frame's PNG."""
        likely = np.maximum.reduce([found.soft for found in answer.objects])
        grey = (likely * 255).round().astype(np.uint8)
        write_png(self.folder / f"{answer.name}.png", grey)

    def close(self) -> None:
        """Nothing is left to do."""
