"""Claims: one process at a time works on an item, and a dead process holds nothing.

A claim is an advisory lock (flock) on a small file. The kernel drops it with the process, kill -9
included, so there is no age to guess at. Where a file system has no locks, work may be done
twice, but never wrongly: finished items are renamed into place. An object store has none, so
there a claim is granted to everyone.
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from cache.objects import ObjectPath, Place

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@dataclass(frozen=True)
class Claim:
    """A held claim. Release it, or end the process."""

    path: Path | None
    handle: int = -1

    def release(self) -> None:
        """Give the claim up and remove its file."""
        if self.path is None:
            return
        # Removed while still locked: whoever waits on this file sees that it is gone and retries.
        self.path.unlink(missing_ok=True)
        os.close(self.handle)


def try_claim(folder: Place, name: str) -> Claim | None:
    """Claim a name without waiting, or None while another holds it. Raises OSError."""
    if isinstance(folder, ObjectPath):
        return Claim(None)
    path = folder / name
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(handle)
                raise
        if _still_there(path, handle):
            return Claim(path, handle)
        # The holder removed the file between our opening and our locking it.
        os.close(handle)


def is_claimed(folder: Place, name: str) -> bool:
    """Whether a living process holds a claim. Leaves no trace."""
    if isinstance(folder, ObjectPath):
        return False
    try:
        handle = os.open(folder / name, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _still_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
