"""Finding a raw dataset's files, at whatever level its folder was named, without leaving it."""

from __future__ import annotations

from pathlib import Path

from configs.errors import DataError, MissingError
from stages.data.files import plain_name, stays_inside
from stages.data.images import IMAGE_SUFFIXES

_LEVELS = 3
_DEEP = 4


def find_root(source: Path, marker: str) -> Path:
    """The folder that holds the path `marker`: `source`, a folder above it, or one below.

    Downloads unpack into folders of folders, and people name any of them. Raises MissingError where
    none does, DataError where several below do.
    """
    if not source.is_dir():
        raise MissingError(f"{source}: no such folder; name the raw dataset's")
    above = [source, *list(source.resolve().parents)[: marker.count("/") + 1]]
    for folder in above:
        if (folder / marker).exists():
            return folder
    below = sorted(
        {
            folder
            for depth in range(1, _LEVELS + 1)
            for folder in source.glob("/".join(["*"] * depth))
            if _may_hold(folder) and (folder / marker).exists()
        }
    )
    if len(below) > 1:
        raise DataError(f"{source}: both {below[0]} and {below[1]} hold {marker}; name one of them")
    if not below:
        raise MissingError(f"{source / marker}: no such file, nor in a folder above or below it")
    return below[0]


def find_folders(source: Path, name: str, at_least_one: bool = True) -> list[Path]:
    """The folders at `source` or a few levels below that hold a file or folder of that name.

    Raises MissingError where there is none and `at_least_one` is wanted.
    """
    if not source.is_dir():
        raise MissingError(f"{source}: no such folder; name the raw dataset's")
    folders = [source]
    for depth in range(1, _DEEP + 1):
        folders += sorted(p for p in source.glob("/".join(["*"] * depth)) if _may_hold(p))
    found = [folder for folder in folders if (folder / name).exists()]
    if not found and at_least_one:
        raise MissingError(f"{source / name}: no such file, nor in a folder below; download it")
    return found


def _may_hold(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".") and path.name != "__MACOSX"


def find_image(folder: Path, name: str, root: Path) -> Path:
    """The image of that stem in `folder`, suffixes in any case; DataError when there is none."""
    if plain_name(name):
        for suffix in (".bmp", *IMAGE_SUFFIXES):
            for written in (suffix, suffix.upper()):
                path = folder / (name + written)
                if path.exists():
                    return require_inside(path, root)
    raise DataError(f"{folder / name}: no such image; restore it or remove the frame")


def require_inside(path: Path, root: Path) -> Path:
    """`path` when it is a file inside `root`, links followed; DataError otherwise."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; restore it or remove the frame")
    if not stays_inside(path, root.resolve()):
        raise DataError(f"{path}: a link leads out of the source folder; copy the file in")
    return path
