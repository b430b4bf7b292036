"""Which layout somebody's predictions are in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from configs.errors import DataError, MissingError
from stages.data.dataset import Dataset
from stages.data.rle import Order
from stages.predictions.foreign.answers import Answers
from stages.predictions.foreign.png_folders import read_png_folders
from stages.predictions.foreign.rle_json import read_rle_json
from stages.predictions.foreign.tree import Tree

_KNOWN = "known are folders of PNG masks, also zipped, and COCO's run-length masks in a .json file"


def read_answers(path: Path, dataset: Dataset, order: Order | Literal["auto"]) -> Answers:
    """What a file or folder of predictions about `dataset` holds.

    order: how run-length masks were written; "auto" tells by their look.

    Raises:
        MissingError: nothing there.
        DataError: in no known layout, damaged, or about other videos than the dataset's.
    """
    if not path.exists():
        raise MissingError(f"{path}: no such file or folder of predictions")
    if path.is_dir() or path.suffix.lower() == ".zip":
        return read_png_folders(Tree(path), dataset)
    if path.suffix.lower() == ".json":
        return read_rle_json(path, dataset, order)
    raise DataError(f"{path}: predictions in no known layout; {_KNOWN}")
