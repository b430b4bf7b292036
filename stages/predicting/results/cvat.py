"""CVAT's XML ("CVAT for images 1.1"), to be uploaded to a task made of the same video or images.

Its masks are run lengths along the rows of the box around the object, the first of what is none
(https://docs.cvat.ai/docs/other/xml_format); CVAT up to 2.2 knows no masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

import numpy as np

from cache.whole import writing
from stages.data.outlines import Mask
from stages.data.rle import run_lengths
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.results.pictures import SUFFIX
from stages.predicting.results.result import Result


class CvatFile(Result):
    """An image a frame, by its number in the video and its name; an object's number is its group.

    numbered: frames are called by their number in a video file, and not by names of their own.
    """

    def __init__(self, path: Path, label: str, numbered: bool) -> None:
        self.path, self.label, self.numbered = path, label, numbered
        self._file: TextIO | None = None

    def add(self, answer: FrameAnswer) -> None:
        """Write the frame's masks."""
        height, width = answer.frame.shape[:2]
        name, number = answer.name, answer.index
        if self.numbered:
            number = int(answer.name)
            name = f"frame_{number:06d}"
        about = {"id": number, "name": name + SUFFIX, "width": width, "height": height}
        image = ElementTree.Element("image", {key: _text(value) for key, value in about.items()})
        for found in answer.objects:
            if found.mask.any():
                ElementTree.SubElement(image, "mask", _mask(found, self.label))
        self._write(ElementTree.tostring(image, encoding="unicode") + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._write("</annotations>\n")
        self._shut()

    def abandon(self, error: BaseException) -> None:
        """Let go of the file."""
        self._shut()

    def _write(self, text: str) -> None:
        with writing(self.path):
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
                head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n'
                self._file.write(f"{head}<version>1.1</version>\n")
            self._file.write(text)

    def _shut(self) -> None:
        if self._file is not None:
            with writing(self.path):
                self._file.close()


def _mask(found: ObjectAnswer, label: str) -> dict[str, str]:
    rows, columns = np.flatnonzero(found.mask.any(1)), np.flatnonzero(found.mask.any(0))
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    inside: Mask = found.mask[top:bottom, left:right]
    about = {
        "label": label,
        "source": "auto",
        "occluded": 0,
        "rle": ", ".join(map(str, run_lengths(inside.ravel()))),
        "left": left,
        "top": top,
        "width": right - left,
        "height": bottom - top,
        "z_order": 0,
        "group_id": found.number,
    }
    return {key: _text(value) for key, value in about.items()}


def _text(value: object) -> str:
    """As XML takes it, which has no control characters."""
    return "".join(c if c >= " " else "\ufffd" for c in str(value))
