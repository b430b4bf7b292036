"""`dataset.json`: what kind of dataset a builder made.

::

    {"kind": "mini-ref-youtube-vos"}

A folder may be renamed or copied; its figures are still those of the benchmark it holds.
"""

from __future__ import annotations

from pathlib import Path

from configs.errors import DataError
from stages.data.files import read_json, stays_inside, write_json
from stages.data.schema import DatasetNotes, require_shape

NOTES = "dataset.json"


def read_kind(root: Path) -> str | None:
    """The kind that the builder of `root` wrote down; None where there is no such note.

    Raises DataError for a malformed file.
    """
    path = root / NOTES
    if not path.exists():
        return None
    if not stays_inside(path, root.resolve()):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    return require_shape(DatasetNotes, read_json(path), str(path)).kind


def write_kind(root: Path, kind: str) -> None:
    """Note the kind of the dataset in `root`."""
    write_json(root / NOTES, {"kind": kind})
