"""Claims: one process at a time works on an item, and a dead process holds nothing.

A claim is an advisory lock on a small file. The kernel drops it with the process, kill -9 included,
so there is no age to guess at. Where a file system has no locks, work may be done twice, but never
wrongly: finished items are renamed into place.
"""

import errno
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@dataclass(frozen=True)
class Claim:
    """A held claim. Release it, or end the process. path: None where there are no locks."""

    path: Path | None = None
    lock: BaseFileLock | None = None

    def release(self) -> None:
        """Give the claim up and remove its file."""
        if self.path is None or self.lock is None:
            return
        # Removed while still locked: whoever waits on this file sees that it is gone and retries.
        # Windows removes no open file.
        with suppress(PermissionError):
            self.path.unlink(missing_ok=True)
        self.lock.release()


def try_claim(folder: Path, name: str) -> Claim | None:
    """Claim a name without waiting, or None while another holds it. Raises OSError."""
    lock = _lock(folder / name)
    try:
        lock.acquire()
    except Timeout:
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return Claim()
    return Claim(folder / name, lock)


def is_claimed(folder: Path, name: str) -> bool:
    """Whether a living process holds a claim. Leaves no trace."""
    if not (folder / name).exists():
        return False
    lock = _lock(folder / name)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _lock(path: Path) -> BaseFileLock:
    """A lock that does not wait, and that any thread may release.

    Never a soft one, whose file outlives its process.
    """
    return FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
