"""What every support format gives, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.files import stays_inside
from stages.data.outlines import Mask
from stages.data.schema import Faults

MOST_FRAMES = 100
"""Frames are decoded together and seen by the network together."""

VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"),
    *(".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".gif"),
)


@dataclass(frozen=True)
class Marked:
    """One marked object, `mask` [H, W], and what the file says of it.

    `number` is an object id, a track or a group; `colour` is written #rrggbb. A black and white
    mask says nothing.
    """

    mask: Mask
    label: str | None = None
    number: int | None = None
    colour: str | None = None

    @property
    def plain(self) -> bool:
        """Black and white: nothing is said of which object it is."""
        return self.label is None and self.number is None and self.colour is None

    @property
    def identity(self) -> tuple[str, int, str]:
        """The same in two frames: the same object, as far as the files can tell."""
        number = -1 if self.number is None else self.number
        return (self.label or "").lower(), number, self.colour or ""


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame [H, W, 3] with the objects marked on it; `where` is the file that marks them.

    `may_lack`: files of this format list frames without the object too, and those are left out.
    """

    name: str
    where: Path
    frame: NDArray[np.uint8]
    objects: tuple[Marked, ...]
    may_lack: bool = False


@dataclass
class Contents:
    """A support folder's own files: `jsons` by path, parsed, and `videos`.

    A format adds what is wrong to `faults`, and to `remarks` what a person should know of how the
    folder was understood.
    """

    folder: Path
    jsons: Mapping[Path, Any]
    videos: tuple[Path, ...]
    faults: Faults
    remarks: list[str]

    def jsons_with(self, *keys: str) -> dict[Path, Any]:
        """Those of the JSON files that hold an object with all of these keys."""
        return {
            path: value
            for path, value in self.jsons.items()
            if isinstance(value, dict) and value.keys() >= {*keys}
        }

    def require_inside(self, path: Path) -> Path:
        """`path`; DataError when it is a link out of the folder."""
        if not stays_inside(path, self.folder.resolve()):
            raise DataError(f"{path}: a link leads out of the support folder; copy the file in")
        return path


def require_few(contents: Contents, count: int) -> None:
    """DataError, before any is decoded, where more frames are annotated than can be held."""
    if count > MOST_FRAMES:
        raise DataError(
            f"{contents.folder}: {count} frames are annotated, and a support takes {MOST_FRAMES} "
            "at most; keep a few in which the object looks different, five are a good number"
        )


@dataclass(frozen=True)
class SupportFormat:
    """One way to lay out a support folder; `name` in plain words."""

    name: str
    recognises: Callable[[Contents], bool]
    read: Callable[[Contents], list[AnnotatedFrame]]
