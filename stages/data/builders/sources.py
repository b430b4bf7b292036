"""Finding a raw dataset's files without leaving its folder."""

from __future__ import annotations

from pathlib import Path

from configs.errors import DataError
from stages.data.files import plain_name, stays_inside
from stages.data.images import IMAGE_SUFFIXES


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
