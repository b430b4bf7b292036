"""Writing so that a file is either whole or absent, whatever happens in between."""

import errno
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from cache.objects import ObjectPath, Place
from configs import FsrvosError

# The kernel joins concurrent fsyncs into one journal commit: eight at a time are ten times as
# fast as one after the other.
FSYNC_THREADS = 8


# A temporary file of another host, whose processes cannot be seen, is abandoned after a day.
FOREIGN_SECONDS = 86400.0


def temporary_name(name: str) -> str:
    """A name no other process uses, telling who made it: name.host.pid.random."""
    return f"{name}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}"


def abandoned(path: Place) -> bool:
    """Whether the process that made a file or folder under a temporary name is gone."""
    _, host, process, _ = path.name.rsplit(".", 3) if path.name.count(".") > 2 else ("", "", "", "")
    if host != _host() or not process.isdigit():
        try:
            return time.time() - _written(path) > FOREIGN_SECONDS
        except FileNotFoundError:
            return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _written(path: Place) -> float:
    """When a file or folder was last written, in seconds since the epoch."""
    if isinstance(path, ObjectPath):
        return path.newest()
    return path.stat().st_mtime


def _host() -> str:
    return "".join(c for c in socket.gethostname() if c.isalnum() or c == "-")


def write_file(path: Path | str, data: bytes) -> None:
    """Write a new file, without fsync: `sync_tree` follows."""
    write_at(path, data, 0)


def write_at(path: Path | str, data: bytes, offset: int) -> None:
    """Write into a file, made if need be, from a byte on, without fsync."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        view = memoryview(data)
        while view:
            count = os.pwrite(handle, view, offset)
            view, offset = view[count:], offset + count
    finally:
        os.close(handle)


def replace_file(path: Place, data: bytes) -> None:
    """Put a file in place in one step: temporary name beside it, fsync, rename, fsync of folder.

    An object store needs none of that.
    """
    if isinstance(path, ObjectPath):
        path.write_bytes(data)
        return
    partial = path.with_name(temporary_name(f".{path.name}"))
    try:
        write_file(partial, data)
        sync_paths([partial])
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_paths([path.parent])


def sync_tree(folder: Path) -> None:
    """fsync every file and folder below a folder, and the folder itself."""
    paths = [str(folder)]
    for parent, folders, files in os.walk(folder):
        paths += [f"{parent}/{name}" for name in (*folders, *files)]
    sync_paths(paths)


def sync_paths(paths: Sequence[Path | str]) -> None:
    """fsync files or folders, several at a time."""
    threads = min(FSYNC_THREADS, len(paths))
    if threads == 1:
        _sync(paths)
        return
    with ThreadPoolExecutor(threads) as pool:
        # A share for each thread: handing over paths one by one takes longer than syncing them.
        list(pool.map(_sync, (paths[first::threads] for first in range(threads))))


def put_folder(staged: Path, target: Path, trash: Path) -> None:
    """Move a synced folder to its place. What lies there already goes to `trash` first.

    Between the two renames the target is absent, never half there.
    """
    if target.exists():
        target.rename(trash)
    staged.rename(target)
    sync_paths([target.parent])
    shutil.rmtree(trash, ignore_errors=True)


@contextmanager
def explained(action: str, path: Place) -> Iterator[None]:
    """Turn an OSError into one line: what failed, where, what to do."""
    try:
        yield
    except FsrvosError:
        raise
    except OSError as error:
        where = error.filename or path
        raise FsrvosError(
            f"cannot {action}: {_reason(error)}: {where}; {_remedy(error)}"
        ) from error


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left for the cache"
    if error.errno == errno.ENOTDIR:
        return "a file is where a folder is due"
    return (error.strerror or str(error)).lower()


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some (fsrvos cache prune) or move the cache (--cache-dir or FSRVOS_CACHE)"
    if error.errno == errno.ENOTDIR:
        return "choose another cache folder (--cache-dir or FSRVOS_CACHE)"
    return "make it writable or choose another cache folder (--cache-dir or FSRVOS_CACHE)"


def _sync(paths: Sequence[Path | str]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
