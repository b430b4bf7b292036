"""A dataset for training YOLO's segmentation networks: a line of text an object.

::

    yolo/data.yaml
    yolo/images/00000.jpg
    yolo/labels/00000.txt    class x y x y ..., in shares of the picture's width and height
"""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path

import numpy as np

from cache.whole import replace_text
from stages.data.tracing import joined, trace
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.pictures import write_picture
from stages.predicting.results.result import Result


class YoloFolder(Result):
    """Outlines; the parts of an object are joined to one, since a line of text can hold no two."""

    def __init__(self, folder: Path, label: str) -> None:
        self.folder, self.label = folder, label

    def add(self, answer: FrameAnswer) -> None:
        """Write the frame's picture and outlines."""
        write_picture(self.folder / "images", answer)
        size = np.array(answer.frame.shape[1::-1], np.float32)
        lines = []
        for found in answer.objects:
            parts = trace(found.mask)
            if parts:
                shares = (reduce(joined, parts) / size).clip(0, 1).ravel()
                lines.append(" ".join(["0", *(f"{share:.6f}" for share in shares)]) + "\n")
        replace_text(self.folder / "labels" / f"{answer.name}.txt", "".join(lines))

    def close(self) -> None:
        """Name the class."""
        # Text in JSON's quotes is text in YAML's.
        named = f"names:\n  0: {json.dumps(self.label)}\n"
        replace_text(self.folder / "data.yaml", f"train: images\nval: images\n{named}")
