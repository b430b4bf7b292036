"""LabelMe's JSON, a file a frame with its picture: outlines that people may correct.

::

    labelme/00000.json
    labelme/00000.jpg
"""

from __future__ import annotations

import json
from pathlib import Path

from cache.whole import replace_text
from stages.data.tracing import trace
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.pictures import write_picture
from stages.predicting.results.result import Result

_VERSION = "5.5.0"


class LabelmeFolder(Result):
    """Polygons; the parts of an object share its number as their group."""

    def __init__(self, folder: Path, label: str) -> None:
        self.folder, self.label = folder, label

    def add(self, answer: FrameAnswer) -> None:
        """Write the frame's picture and outlines."""
        shapes = [
            {
                "label": self.label,
                "points": line.tolist(),
                "group_id": found.number,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
            }
            for found in answer.objects
            for line in trace(found.mask)
        ]
        height, width = answer.frame.shape[:2]
        written = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": write_picture(self.folder, answer),
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        replace_text(self.folder / f"{answer.name}.json", json.dumps(written, indent=1) + "\n")

    def close(self) -> None:
        """Nothing is left to do."""
