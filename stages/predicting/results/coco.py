"""COCO's JSON with run-length masks: exact, and read by almost everything.

::

    coco/annotations.json
    coco/images/00000.jpg
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from cache.whole import writing
from stages.data.outlines import Mask
from stages.data.rle import encode_rle
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.pictures import write_picture
from stages.predicting.results.result import Result

_CATEGORY = 1


class CocoFile(Result):
    """An annotation an object and frame that shows it; `track_id` is the object's number.

    Masks go to the file as they come, so that a long video takes no more memory.
    """

    def __init__(self, folder: Path, label: str, sentence: str) -> None:
        self.folder, self.label, self.sentence = folder, label, sentence
        self.path = folder / "annotations.json"
        self.images = list[dict[str, Any]]()
        self.count = 0
        self._file: TextIO | None = None

    def add(self, answer: FrameAnswer) -> None:
        """Write the picture and the frame's annotations."""
        height, width = answer.frame.shape[:2]
        number = len(self.images) + 1
        name = write_picture(self.folder / "images", answer)
        image = {"id": number, "file_name": name, "width": width, "height": height}
        self.images.append(image | {"seconds": round(float(answer.at), 6)})
        for found in answer.objects:
            if found.mask.any():
                self.count += 1
                what = {"id": self.count, "image_id": number, "category_id": _CATEGORY}
                said = {"track_id": found.number, "score": round(found.presence, 4)}
                self._write(json.dumps(what | _measured(found.mask) | said))

    def close(self) -> None:
        """Finish the JSON file."""
        self._write(None)
        self._shut()

    def abandon(self, error: BaseException) -> None:
        """Let go of the file."""
        self._shut()

    def _write(self, annotation: str | None) -> None:
        """An annotation; None for what comes after the last."""
        with writing(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8")
                self._file.write('{"annotations": [\n' + (annotation or ""))
            elif annotation is not None:
                self._file.write(",\n" + annotation)
            if annotation is None:
                rest = {
                    "images": self.images,
                    "categories": [{"id": _CATEGORY, "name": self.label}],
                    "info": {"description": self.sentence},
                }
                self._file.write("\n], " + json.dumps(rest)[1:] + "\n")

    def _shut(self) -> None:
        if self._file is not None:
            with writing(self.path):
                self._file.close()


def _measured(mask: Mask) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = int(rows[0]), int(columns[0])
    return {
        "segmentation": encode_rle(mask),
        "area": int(mask.sum()),
        "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
        "iscrowd": 0,
    }
