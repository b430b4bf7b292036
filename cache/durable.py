"""Writing into a cache, on a disk or in an object store, and its failures in one line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cache.backends import backend_of
from cache.objects import Place
from cache.whole import UnwritableError, is_abandoned, is_full, reason
from configs import FsrvosError


def abandoned(path: Place) -> bool:
    """Whether the process that made a file or folder under a temporary name is gone."""
    try:
        return is_abandoned(path.name, backend_of(path).written(path))
    except FileNotFoundError:
        return False


def write_at(path: Path | str, data: bytes, offset: int) -> None:
    """Write into a file, made if need be, from a byte on, without fsync."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.seek(offset)
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]


@contextmanager
def explained(action: str, path: Place) -> Iterator[None]:
    """Turn an OSError into one line: what failed, where, what to do."""
    try:
        yield
    except (OSError, UnwritableError) as error:
        cause = error.cause if isinstance(error, UnwritableError) else error
        what = "a file is where a folder is due" if _misplaced(cause) else reason(cause).lower()
        raise FsrvosError(
            f"cannot {action}: {what}: {cause.filename or path}; {_remedy(cause)}"
        ) from error


def _misplaced(error: OSError) -> bool:
    return error.errno in (errno.ENOTDIR, errno.EEXIST)


def _remedy(error: OSError) -> str:
    if is_full(error):
        return "free some (fsrvos cache prune) or move the cache (--cache-dir or FSRVOS_CACHE)"
    if _misplaced(error):
        return "choose another cache folder (--cache-dir or FSRVOS_CACHE)"
    return "make it writable or choose another cache folder (--cache-dir or FSRVOS_CACHE)"
