"""Folds: which categories are never trained on.

Fold 0 holds out nothing. By default the test classes of fold g are the ids with
(id - 1) mod 4 = g - 1, the rest train.
``ROOT/folds.json`` overrides that, for all folds at once::

    {"1": {"test": ["dog", "cat"], "train": ["bus"], "test_videos": ["v1"], "train_videos": []}}

`train` defaults to the classes that are not in `test`; the two video lists are optional and
narrow a split down to the videos named. Files in ``ROOT/splits`` say the same (see splits.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.errors import DataError, UsageError
from stages.data.dataset import Dataset
from stages.data.files import read_json, stays_inside
from stages.data.joined import JoinedDataset, joined_name
from stages.data.schema import FoldEntry, FoldsFile, require_shape
from stages.data.splits import FOLDER, read_splits

FOLDS = (1, 2, 3, 4)
EVERY_KIND = 0  # the fold that holds nothing out: for a head to ship, not for a score
SPLITS = ("train", "test", "all")


def test_categories(dataset: Dataset, fold: int) -> tuple[str, ...]:
    """Categories of `fold` that are never trained on, in class-id order."""
    return _split(dataset, fold)["test"]


def train_categories(dataset: Dataset, fold: int) -> tuple[str, ...]:
    """Categories that `fold` trains on, in class-id order."""
    return _split(dataset, fold)["train"]


def folds_of(dataset: Dataset) -> tuple[int, ...]:
    """The fold numbers the dataset has: those of folds.json, else 1 to 4."""
    explicit = _explicit(dataset)
    return FOLDS if explicit is None else tuple(sorted(explicit))


def videos_of(dataset: Dataset, fold: int, split: str) -> tuple[str, ...]:
    """Sorted ids of the videos in `split`: "train", "test" or "all" (both)."""
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r}; choose train, test or all")
    parts = _split(dataset, fold)
    chosen: set[str] = set()
    for side in ("train", "test") if split == "all" else (split,):
        limit = parts[f"{side}_videos"]
        for category in parts[side]:
            ids = dataset.by_category.get(category, ())
            chosen.update(i for i in ids if not limit or i in limit)
    return tuple(sorted(chosen))


def stated_folds(dataset: Dataset) -> dict[int, FoldEntry]:
    """Every fold with its categories and videos spelt out, as `splits.write_splits` takes it."""
    found = {}
    for fold in folds_of(dataset):
        split = _split(dataset, fold)
        found[fold] = FoldEntry(
            test=list(split["test"]),
            train=list(split["train"]),
            test_videos=list(videos_of(dataset, fold, "test")),
            train_videos=list(videos_of(dataset, fold, "train")),
        )
    return found


def _split(dataset: Dataset, fold: int) -> dict[str, tuple[str, ...]]:
    """The four lists of one fold; UsageError when the dataset has no such fold."""
    if fold == EVERY_KIND and not isinstance(fold, bool):
        everything = {"test": (), "train": dataset.categories}
        return {**everything, "test_videos": (), "train_videos": ()}
    if isinstance(dataset, JoinedDataset):
        return _joined_split(dataset, fold)
    explicit = _explicit(dataset)
    known = FOLDS if explicit is None else tuple(sorted(explicit))
    if isinstance(fold, bool) or fold not in known:
        raise UsageError(f"unknown fold {fold!r}; choose one of {', '.join(map(str, known))}")
    if explicit is not None:
        return explicit[fold]
    test = tuple(n for i, n in enumerate(dataset.categories) if i % len(FOLDS) == fold - 1)
    train = tuple(n for n in dataset.categories if n not in test)
    if not test:
        raise DataError(
            f"{dataset.root}: fold {fold} has no test category, as only "
            f"{len(dataset.categories)} are listed; choose another fold or write folds.json"
        )
    return {"test": test, "train": train, "test_videos": (), "train_videos": ()}


def _joined_split(dataset: JoinedDataset, fold: int) -> dict[str, tuple[str, ...]]:
    """A kind that any part holds out is held out of all; videos are limited as the parts say."""
    splits = [_split(part, fold) for part in dataset.parts]
    test = {name for split in splits for name in split["test"]}
    limits = {
        side: tuple(
            joined_name(number, video)
            for number, part in enumerate(dataset.parts)
            for video in splits[number][side] or part.videos
        )
        for side in ("test_videos", "train_videos")
    }
    return {
        "test": tuple(name for name in dataset.categories if name in test),
        "train": tuple(name for name in dataset.categories if name not in test),
        **limits,
    }


def _explicit(dataset: Dataset) -> dict[int, dict[str, tuple[str, ...]]] | None:
    """The content of folds.json or of splits/, validated, or None without either."""
    path, folder = dataset.root / "folds.json", dataset.root / FOLDER
    listed = read_splits(dataset)
    if listed is not None:
        if path.exists():
            raise DataError(f"{path} and {folder} both state the folds; remove one of them")
        return {n: _fold_lists(dataset, e, f"{folder}: group {n}") for n, e in listed.items()}
    if not path.exists():
        return None
    if not stays_inside(path, dataset.root.resolve()):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    folds = require_shape(FoldsFile, read_json(path), str(path)).root
    if not folds:
        raise DataError(f"{path}: lists no fold; remove the file or add one")
    return {fold: _fold_lists(dataset, e, f"{path}: fold {fold}") for fold, e in folds.items()}


def _fold_lists(dataset: Dataset, entry: FoldEntry, where: str) -> dict[str, tuple[str, ...]]:
    test = _names(entry.test, dataset.categories, f"{where}: test")
    rest = [name for name in dataset.categories if name not in test]
    train = _names(
        rest if entry.train is None else entry.train, dataset.categories, f"{where}: train"
    )
    if set(test) & set(train):
        both = sorted(set(test) & set(train))[0]
        raise DataError(f"{where}: {both!r} is in both train and test; remove it from one")
    ids = tuple(dataset.videos)
    return {
        "test": test,
        "train": train,
        "test_videos": _names(entry.test_videos, ids, f"{where}: test_videos"),
        "train_videos": _names(entry.train_videos, ids, f"{where}: train_videos"),
    }


def _names(listed: Sequence[str], known: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The listed names in the order of `known`; DataError when one is not known."""
    for name in listed:
        if name not in known:
            raise DataError(f"{where}: the dataset has no {name!r}; correct the name")
    return tuple(name for name in known if name in listed)


# Named as the field names them; pytest would otherwise collect it where it is imported.
test_categories.__test__ = False  # type: ignore[attr-defined]
