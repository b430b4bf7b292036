"""The files of a folder or of a zip archive, alike. An archive is read where it lies."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from configs.errors import DataError, MissingError
from stages.data.files import stays_inside

_LARGEST = 64 << 20
"""Bytes of a mask's file, unpacked: more is no mask but an archive made to fill the memory."""

# What systems leave in folders and archives beside what people put there.
_LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini")

_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)


@dataclass(frozen=True)
class Tree:
    """A folder, or a zip archive, and the names of the files in it."""

    root: Path

    @cached_property
    def names(self) -> tuple[PurePosixPath, ...]:
        """Every file's name in the tree, sorted, without the litter that systems leave there.

        Raises DataError where an archive is damaged or names a file twice, or a link leads out.
        """
        found = list(_members(self._archive) if self._archive else _files(self.root))
        kept = sorted(name for name in found if not _is_litter(name))
        twice = next((a for a, b in zip(kept, kept[1:], strict=False) if a == b), None)
        if twice is not None:
            raise DataError(f"{self.root}: holds {twice} twice; pack it again")
        return tuple(kept)

    def place(self, name: PurePosixPath) -> Path:
        """Where a file lies, for messages; for a folder also its path."""
        return self.root / name

    def read(self, name: PurePosixPath) -> bytes:
        """A file's bytes. Raises DataError where it cannot be read."""
        try:
            if self._archive is None:
                return self.place(name).read_bytes()
            if self._archive.getinfo(str(name)).file_size > _LARGEST:
                raise DataError(f"{self.place(name)}: too large for a mask; pack the masks again")
            return self._archive.read(str(name))
        except _BROKEN as error:
            raise DataError(
                f"{self.place(name)}: cannot be read ({error}); pack it again"
            ) from None

    @cached_property
    def _archive(self) -> zipfile.ZipFile | None:
        if self.root.is_dir():
            return None
        if not self.root.exists():
            raise MissingError(f"{self.root}: no such file or folder of predictions")
        try:
            return zipfile.ZipFile(self.root)
        except _BROKEN:
            raise DataError(f"{self.root}: not a whole zip archive; copy it again") from None


def _members(archive: zipfile.ZipFile) -> Iterator[PurePosixPath]:
    for info in archive.infolist():
        if not info.is_dir():
            yield PurePosixPath(info.filename)


def _files(root: Path) -> Iterator[PurePosixPath]:
    home = root.resolve()
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() and not stays_inside(path, home):
                raise DataError(f"{path}: a link leads out of the folder; copy the file in")
        for name in files:
            yield PurePosixPath(Path(folder, name).relative_to(root).as_posix())


def _is_litter(name: PurePosixPath) -> bool:
    return any(part.startswith(".") or part in _LITTER for part in name.parts)
