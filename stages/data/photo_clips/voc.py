"""Photographs of a folder laid out as Pascal VOC's.

::

    SOURCE/JPEGImages/<name>.jpg
    SOURCE/SegmentationObject/<name>.png   pixel = object number, 255 = undecided
    SOURCE/Annotations/<name>.xml          object number i is the i-th <object>
    SOURCE/SegmentationClass/<name>.png    without Annotations: pixel = line of class_names.txt
    SOURCE/class_names.txt                 one kind a line, the background first
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.builders.sources import find_image, require_inside
from stages.data.images import read_ids
from stages.data.photo_clips.photographs import LabelledPixels, Outline, Photograph

_UNDECIDED = 255


def read_voc(root: Path) -> tuple[Photograph, ...]:
    """The photographs that have object masks, by name. Raises MissingError or DataError."""
    masks = (root / "SegmentationObject").glob("*.png")
    names = sorted(mask.stem for mask in masks if not mask.name.startswith("."))
    if not names:
        raise DataError(f"{root / 'SegmentationObject'}: holds no mask; give a VOC folder")
    return tuple(_photograph(root, name) for name in names)


def _photograph(root: Path, name: str) -> Photograph:
    path = require_inside(root / "SegmentationObject" / f"{name}.png", root)
    ids = read_ids(path)
    numbers = [int(n) for n in np.unique(ids) if n not in (0, _UNDECIDED)]
    listed = _listed(root, name)
    kinds = _by_class_mask(root, name, ids, numbers) if listed is None else listed
    absent = [number for number in numbers if number not in kinds]
    if absent:
        raise DataError(f"{path}: object {absent[0]} has no kind; add it to the annotations")
    return Photograph(
        id=name,
        path=find_image(root / "JPEGImages", name, root),
        height=ids.shape[0],
        width=ids.shape[1],
        outlines=tuple(_outline(path, ids, number, kinds[number]) for number in numbers),
        uncounted=frozenset(kind for number, kind in kinds.items() if number not in numbers),
    )


def _outline(path: Path, ids: NDArray[np.uint8], number: int, kind: str) -> Outline:
    rows, columns = np.nonzero(ids == number)
    left, top = int(columns.min()), int(rows.min())
    box = (left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
    return Outline(kind, len(rows) / ids.size, box, LabelledPixels(path, number))


def _listed(root: Path, name: str) -> dict[int, str] | None:
    """Kind by object number from the XML file; None without one."""
    path = root / "Annotations" / f"{name}.xml"
    if not path.exists():
        return None
    require_inside(path, root)
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
    except ElementTree.ParseError as error:
        raise DataError(f"{path}: malformed XML ({error}); repair the file") from None
    kinds = [" ".join((entry.findtext("name") or "").lower().split()) for entry in objects]
    if not all(kinds):
        raise DataError(f"{path}: an object has no name; add it")
    return dict(enumerate(kinds, start=1))


def _by_class_mask(
    root: Path, name: str, ids: NDArray[np.uint8], numbers: Sequence[int]
) -> dict[int, str]:
    path = require_inside(root / "SegmentationClass" / f"{name}.png", root)
    list_path = require_inside(root / "class_names.txt", root)
    names = [
        " ".join(line.lower().split()) for line in list_path.read_text("utf-8-sig").splitlines()
    ]
    classes = read_ids(path)
    if classes.shape != ids.shape:
        raise DataError(f"{path}: not the size of its object mask; correct it")
    kinds: dict[int, str] = {}
    for number in numbers:
        index = int(np.bincount(classes[ids == number]).argmax())
        if not 0 < index < len(names):
            raise DataError(f"{path}: class {index} of object {number} is not in {list_path}")
        kinds[number] = names[index]
    return kinds
