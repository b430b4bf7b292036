"""Layouts of PNG masks: an expression a folder, as Ref-YouTube-VOS wants them, or ids as DAVIS.

    [Annotations/]<video>/<expression>/<frame>.png     0 and one other value
    [anno_<k>/]<video>/<frame>.png                     pixel = object id; k numbers the sentences

Either may lie in further folders, and in a zip archive.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath

from configs.errors import DataError
from stages.data.dataset import Dataset, Expression
from stages.predictions.foreign.answers import Answers, Asked, Sheet
from stages.predictions.foreign.png_masks import read_object, read_single
from stages.predictions.foreign.tree import Tree

BY_EXPRESSION = "a folder an expression"
BY_OBJECT = "ids of objects"

_ANNOTATOR = re.compile(r"anno_(\d+)\Z")


def read_png_folders(tree: Tree, dataset: Dataset) -> Answers:
    """The answers of a tree of PNG masks. Raises DataError where it is in neither layout."""
    masks = [name for name in tree.names if name.suffix.lower() == ".png"]
    other = [name for name in tree.names if name.suffix.lower() in (".jpg", ".jpeg", ".bmp")]
    if other:
        raise DataError(f"{tree.place(other[0])}: a mask must be a PNG, which keeps its values")
    if not masks:
        raise DataError(f"{tree.root}: holds no PNG; {_layouts()}")
    by_expression = all(_is_by_expression(name, dataset) for name in masks)
    if not by_expression and not any(_is_by_expression(name, dataset) for name in masks):
        return _by_object(tree, masks, dataset)
    return _by_expression(tree, masks, dataset)


def _is_by_expression(name: PurePosixPath, dataset: Dataset) -> bool:
    return len(name.parts) >= 3 and name.parts[-3] in dataset.videos


def _by_expression(tree: Tree, masks: list[PurePosixPath], dataset: Dataset) -> Answers:
    found: dict[Asked, dict[str, PurePosixPath]] = {}
    for name in masks:
        if not _is_by_expression(name, dataset):
            raise DataError(f"{tree.place(name)}: {_unknown(name, -3, dataset)}")
        video, expression = name.parts[-3:-1]
        frames = found.setdefault(Asked(video, expression), {})
        _note(tree, frames, name)
    sheets = {
        asked: Sheet(
            {frame: partial(read_single, tree, name) for frame, name in frames.items()},
            str(tree.place(next(iter(frames.values())).parent)),
        )
        for asked, frames in found.items()
    }
    return Answers(BY_EXPRESSION, sheets)


def _by_object(tree: Tree, masks: list[PurePosixPath], dataset: Dataset) -> Answers:
    found: dict[tuple[int, str], dict[str, PurePosixPath]] = {}
    for name in masks:
        if len(name.parts) < 2 or name.parts[-2] not in dataset.videos:
            raise DataError(f"{tree.place(name)}: {_unknown(name, -2, dataset)}")
        said = _ANNOTATOR.match(name.parts[-3]) if len(name.parts) > 2 else None
        key = (int(said[1]) if said else 0, name.parts[-2])
        _note(tree, found.setdefault(key, {}), name)
    sheets = {}
    for (annotator, video), frames in found.items():
        known = frozenset(dataset.videos[video].objects)
        for spoken in sentences_of_objects(dataset, video):
            if annotator >= len(spoken):
                continue
            readers = {
                frame: partial(read_object, tree, name, spoken[0].object_id, known)
                for frame, name in frames.items()
            }
            place = str(tree.place(next(iter(frames.values())).parent))
            sheets[Asked(video, spoken[annotator].id)] = Sheet(readers, place)
    return Answers(BY_OBJECT, sheets, tuple(sorted({annotator for annotator, _ in found})))


def sentences_of_objects(dataset: Dataset, video: str) -> list[list[Expression]]:
    """The video's expressions, an object a list, as the dataset lists them."""
    grouped: dict[int, list[Expression]] = {}
    for expression in dataset.videos[video].expressions:
        grouped.setdefault(expression.object_id, []).append(expression)
    return list(grouped.values())


def _note(tree: Tree, frames: dict[str, PurePosixPath], name: PurePosixPath) -> None:
    if name.stem in frames:
        raise DataError(
            f"{tree.place(name)}: {tree.place(frames[name.stem])} is a mask of the same frame; "
            "keep one"
        )
    frames[name.stem] = name


def _unknown(name: PurePosixPath, part: int, dataset: Dataset) -> str:
    named = repr(name.parts[part]) if len(name.parts) >= -part else "it"
    return f"{named} is no video of {dataset.root}; {_layouts()}"


def _layouts() -> str:
    return "wanted are <video>/<expression>/<frame>.png, or <video>/<frame>.png with ids of objects"
