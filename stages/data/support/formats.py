"""The formats that are known, and which of them a folder is in."""

from __future__ import annotations

from pathlib import Path

from configs.errors import DataError, FsrvosError
from stages.data.files import read_json
from stages.data.schema import Faults
from stages.data.support import coco, labelme, mask_files, video_masks
from stages.data.support.annotation import VIDEO_SUFFIXES, Contents, SupportFormat

FORMATS = (coco.FORMAT, labelme.FORMAT, video_masks.FORMAT, mask_files.FORMAT)


def open_folder(folder: Path, faults: Faults) -> Contents:
    """The folder's files; JSON that cannot be read is added to `faults`."""
    shown = sorted(f for f in folder.iterdir() if not f.name.startswith("."))
    below = folder / "annotations"  # where COCO's own layout has them
    named = [*shown, *(sorted(below.glob("[!.]*.json")) if below.is_dir() else ())]
    contents = Contents(folder, jsons := {}, _videos(shown), faults, [])
    for path in named:
        if path.suffix.lower() != ".json" or not path.is_file():
            continue
        try:
            jsons[path] = read_json(contents.require_inside(path))
        except FsrvosError as fault:
            faults.append(fault)
    return contents


def _videos(files: list[Path]) -> tuple[Path, ...]:
    return tuple(f for f in files if f.suffix.lower() in VIDEO_SUFFIXES and f.is_file())


def format_of(contents: Contents) -> SupportFormat:
    """The one format that the folder is in; masks as files where no other is recognised.

    Raises DataError where it could be two.
    """
    found = [format_ for format_ in FORMATS if format_.recognises(contents)]
    if len(found) > 1:
        names = " and ".join(format_.name for format_ in found)
        raise DataError(f"{contents.folder}: holds {names}; keep one of them in the folder")
    return found[0] if found else mask_files.FORMAT
