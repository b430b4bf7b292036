"""The results that are written where they are asked for (`--format`), by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.data.video import VideoSource
from stages.data.video_formats import PRORES, WEBM
from stages.predicting.options import FORMATS
from stages.predicting.results.coco import CocoFile
from stages.predicting.results.cutout import CutOut
from stages.predicting.results.cvat import CvatFile
from stages.predicting.results.labelme import LabelmeFolder
from stages.predicting.results.result import Result
from stages.predicting.results.yolo import YoloFolder


@dataclass(frozen=True)
class Subject:
    """What the results are of: a video, the sentence, and what the object is called in short."""

    source: VideoSource
    sentence: str
    label: str


_MAKERS: dict[str, Callable[[Path, Subject], Result]] = {
    "coco": lambda place, of: CocoFile(place, of.label, of.sentence),
    "labelme": lambda place, of: LabelmeFolder(place, of.label),
    "cvat": lambda place, of: CvatFile(place, of.label, not of.source.path.is_dir()),
    "yolo": lambda place, of: YoloFolder(place, of.label),
    "webm": lambda place, of: CutOut(place, of.source, WEBM),
    "prores": lambda place, of: CutOut(place, of.source, PRORES),
}


def export(name: str, folder: Path, subject: Subject) -> Result:
    """The result called `name`, in a folder under the name that `FORMATS` gives it."""
    return _MAKERS[name](folder / FORMATS[name], subject)
