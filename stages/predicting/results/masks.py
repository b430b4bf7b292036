"""The masks, an indexed PNG a frame."""

from __future__ import annotations

from pathlib import Path

from stages.data.overlay import write_mask_png
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.result import Result


class MaskFolder(Result):
    """A folder of palette PNGs named as the frames: pixel = object number, 0 = none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, answer: FrameAnswer) -> None:
        """Write the frame's PNG."""
        write_mask_png(self.folder / f"{answer.name}.png", answer.ids)

    def close(self) -> None:
        """Nothing is left to do."""
