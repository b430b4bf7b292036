"""Folders that are whole or absent, whatever happens while they are filled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import FsrvosError, UsageError


def require_replaceable(folder: Path, names: Collection[str]) -> None:
    """UsageError unless `folder` is absent or holds nothing but `names`, as a former result does.

    What a user keeps in a folder is never thrown away with a result.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    if folder.is_mount():
        raise UsageError(f"{folder} is a mount point, which cannot be renamed; name a folder in it")
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in names)
    if foreign:
        raise UsageError(
            f"{folder} holds {foreign[0]}, which is no former result; name a folder of its own"
        )


@contextmanager
def replace_folder(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place when the block ends well.

    Leaving the block by an exception removes the new folder and leaves `folder` as it was. Raises
    UsageError as `require_replaceable`, FsrvosError where the place cannot be written.
    """
    require_replaceable(folder, names)
    folder = folder.resolve()
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        with _writing(folder):
            partial.mkdir(parents=True)
        yield partial
        with _writing(folder):
            _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # in its place by now, or not wanted


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FsrvosError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _put(partial: Path, folder: Path) -> None:
    """Rename; a folder that is there makes room first and comes back where that fails."""
    if not folder.exists():
        partial.rename(folder)
        return
    former = folder.with_name(f".{folder.name}.{os.getpid()}.former")
    folder.rename(former)
    try:
        partial.rename(folder)
    except BaseException:
        former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)
