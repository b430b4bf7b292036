"""Explicit splits: ``splits/group<N>_train.json`` and ``_test.json``, a pair a fold.

    {"categories": ["dog", "cat"], "videos": ["v1", "v2"]}

or a list of videos alone. Without `categories`, those of the videos are meant; without `videos`,
all of the categories' videos.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cache.whole import whole_folder
from configs.errors import DataError
from stages.data.dataset import Dataset
from stages.data.files import read_json, stays_inside
from stages.data.schema import FoldEntry, SplitFile, require_shape

FOLDER = "splits"
SIDES = ("train", "test")

_NAME = re.compile(r"group(\d{1,6})_(train|test)\.json\Z")


def read_splits(dataset: Dataset) -> Mapping[int, FoldEntry] | None:
    """What the files of ``splits/`` say, by fold; None without the folder.

    Raises DataError for a fold of which only one side is there, and for malformed files.
    """
    folder = dataset.root / FOLDER
    if not folder.is_dir():
        return None
    sides: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        named = _NAME.match(path.name)
        if named is None:
            continue
        if not stays_inside(path, dataset.root.resolve()):
            raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
        sides.setdefault(int(named[1]), {})[named[2]] = path
    for fold, found in sides.items():
        for side in SIDES:
            if side not in found:
                raise DataError(f"{folder}: group{fold}_{side}.json is missing; add it")
    return {fold: _entry(dataset, found) for fold, found in sorted(sides.items())} or None


def write_splits(dataset: Dataset, folds: Mapping[int, FoldEntry]) -> Path:
    """Write the pair of files of every fold, both lists stated; gives the folder.

    Raises UsageError where the folder holds anything else.
    """
    folder = dataset.root / FOLDER
    names = [f"group{fold}_{side}.json" for fold in folds for side in SIDES]
    with whole_folder(folder, names) as partial:
        for fold, entry in folds.items():
            stated = {
                "train": (entry.train or [], entry.train_videos),
                "test": (entry.test, entry.test_videos),
            }
            for side, (categories, videos) in stated.items():
                content = SplitFile(categories=categories, videos=videos).model_dump_json(indent=1)
                (partial / f"group{fold}_{side}.json").write_text(content + "\n", encoding="utf-8")
    return folder


def _entry(dataset: Dataset, found: Mapping[str, Path]) -> FoldEntry:
    lists = {side: _lists(dataset, found[side]) for side in SIDES}
    return FoldEntry(
        test=lists["test"][0],
        train=lists["train"][0],
        test_videos=lists["test"][1],
        train_videos=lists["train"][1],
    )


def _lists(dataset: Dataset, path: Path) -> tuple[list[str], list[str]]:
    """Categories and videos of one file."""
    content = read_json(path)
    if isinstance(content, list):
        content = {"videos": content}
    said = require_shape(SplitFile, content, str(path))
    if said.categories is None and not said.videos:
        raise DataError(f"{path}: lists neither categories nor videos; list some")
    unknown = [video for video in said.videos if video not in dataset.videos]
    if unknown:
        raise DataError(f"{path}: the dataset has no video {unknown[0]!r}; correct the name")
    own = sorted({dataset.videos[video].category for video in said.videos})
    return (own if said.categories is None else said.categories), said.videos
