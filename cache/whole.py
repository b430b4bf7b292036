"""Files and folders that are whole or absent, whatever happens while they are written.

One rule for everything this program writes: it is filled beside its place under a temporary name,
synced, renamed, and the folder that holds it is synced. Leaving a block by an exception removes
what was begun and keeps what was there. A temporary name tells who made it, so that what a killed
process leaves can be told from what a living one writes.
"""

import errno
import glob
import os
import secrets
import shutil
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from configs.errors import FsrvosError, UsageError

# The kernel joins concurrent fsyncs into one journal commit: eight at a time are ten times as
# fast as one after the other.
FSYNC_THREADS = 8
# A temporary file of another host, whose processes cannot be seen, is abandoned after a day.
FOREIGN_SECONDS = 86400.0
# A limit on a file's size (EFBIG) is met as a full disk is.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WINDOWS = os.name == "nt"


class UnwritableError(FsrvosError):
    """A place cannot be written, or has no room. cause: what the system said."""

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(
            f"{path}: cannot be written ({reason(cause)}); free some space or choose another place"
        )
        self.cause = cause


def replace_text(path: Path, text: str) -> None:
    """UTF-8 text, as `replace_bytes`."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """Put a file in place; its folder is made if need be. Raises as `whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes the file `path` when the block ends well.

    Raises UnwritableError, one line, when the place cannot be written or the disk is full.
    """
    partial = temporary_beside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with filling(path, partial):
            yield partial
        with writing(path):
            sync_paths([partial])
            partial.replace(path)
            sync_paths([path.parent])
    finally:
        with suppress(OSError):  # in its place by now, or its folder could not be made
            partial.unlink()


@contextmanager
def whole_folder(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place when the block ends well.

    What killed processes left of it there is removed first.
    names: what a former result may hold, see `require_replaceable`. Raises UsageError as that
    does, UnwritableError where the place cannot be written.
    """
    require_replaceable(folder, names)
    folder = folder.resolve()
    partial = temporary_beside(folder)
    try:
        with writing(folder):
            _sweep(folder)
            partial.mkdir(parents=True)
        with filling(folder, partial):
            yield partial
        with writing(folder):
            sync_tree(partial)
            put_folder(partial, folder, temporary_beside(folder))
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # in its place by now, or not wanted


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


def put_folder(staged: Path, target: Path, aside: Path) -> None:
    """Move a synced folder to its place. What lies there makes room under the name `aside` first,
    and comes back where that fails.

    Between the two renames the target is absent, never half there.
    """
    former = target.exists()
    if former:
        target.rename(aside)
    try:
        staged.rename(target)
    except BaseException:
        if former:
            aside.rename(target)
        raise
    sync_paths([target.parent])
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into one line that names `path` as what cannot be written."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(path, error) from error


@contextmanager
def filling(path: Path, partial: Path) -> Iterator[None]:
    """As `writing`, for failures in `partial` and for a full disk; a caller's others are his."""
    try:
        yield
    except (OSError, UnwritableError) as error:
        cause = error.cause if isinstance(error, UnwritableError) else error
        if is_full(cause) or Path(os.fsdecode(cause.filename or "/")).is_relative_to(partial):
            raise UnwritableError(path, cause) from error
        raise


def _sweep(path: Path) -> None:
    """Remove what killed processes left of a folder under temporary names."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.*.*"):
        if is_abandoned(left.name, left.stat().st_mtime):
            shutil.rmtree(left, ignore_errors=True)


def sweep_files(folder: Path) -> None:
    """Remove the files that killed processes left in a folder under temporary names."""
    for left in folder.glob(".*.*.*.*"):
        if left.is_file() and is_abandoned(left.name, left.stat().st_mtime):
            left.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """What the system says of a failure, a full disk and a size limit alike."""
    if is_full(error):
        return os.strerror(errno.ENOSPC)
    return error.strerror or str(error)


def is_full(error: OSError) -> bool:
    """Whether there is no more room: on the disk, in a quota, or under a limit on files."""
    return error.errno in _FULL


def temporary_beside(path: Path) -> Path:
    """A hidden temporary name in the folder of a path."""
    return path.with_name(temporary_name(f".{path.name}"))


def temporary_name(name: str) -> str:
    """A name no other process uses, telling who made it: name.host.pid.random."""
    return f"{name}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}"


def is_abandoned(name: str, written: float) -> bool:
    """Whether the process that made a temporary name is gone.

    written: seconds since the epoch; decides for processes that cannot be seen from here.
    """
    _, host, process, _ = name.rsplit(".", 3) if name.count(".") > 2 else ("", "", "", "")
    # On Windows, signal 0 would interrupt the process instead of asking for it.
    if host != _host() or not process.isdigit() or _WINDOWS:
        return time.time() - written > FOREIGN_SECONDS
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


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


def _sync(paths: Sequence[Path | str]) -> None:
    for path in paths:
        if _WINDOWS and Path(path).is_dir():  # which cannot be opened there
            continue
        handle = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _host() -> str:
    return "".join(c for c in socket.gethostname() if c.isalnum() or c == "-")
