"""Frame files of a folder in the order in which they were taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.data.images import IMAGE_SUFFIXES

_DIGITS = re.compile("([0-9]+)")
_Part = tuple[int, str]


def natural_key(name: str) -> tuple[tuple[_Part, ...], str]:
    """What to sort names by so that numbers in them count as numbers: 2 before 10, a2 before a10.

    Names that differ in leading zeros alone are ordered by their letters, so no two are equal.
    """
    parts = _DIGITS.split(name)  # text and digits by turns, text first
    # Digits are compared by how many there are and then as text: `int` refuses very long ones.
    ranked = (
        (len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (0, part)
        for place, part in enumerate(parts)
    )
    return tuple(ranked), name


def in_natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """`names` with the numbers in them counted as numbers."""
    return tuple(sorted(names, key=natural_key))


def frame_files(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The image files of `folder` in natural order of their stems, whatever the suffix's case.

    Names that start with a dot are no frames: macOS puts a `._` file beside each on foreign disks.
    """
    found = (f for f in folder.iterdir() if not f.name.startswith("."))
    images = (f for f in found if f.suffix.lower() in suffixes and f.is_file())
    return sorted(images, key=lambda f: (natural_key(f.stem), f.name))
