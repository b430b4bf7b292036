"""HDF5 files that are whole or absent, also when the disk is full.

HDF5 does not survive a failed write: h5py prints tracebacks from destructors and then the process
dies of a segmentation fault. So the library writes through a file object that remembers the first
failure and swallows what follows; the failure is raised once HDF5 has closed its file.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from cache.durable import sync_paths, temporary_name


@contextmanager
def new_hdf5(path: Path) -> Iterator[Any]:
    """An h5py.File to fill, put in place on leaving: temporary name, fsync, rename.

    Raises the OSError of a failed write. After any exception nothing is left behind.
    """
    partial = path.with_name(temporary_name(f".{path.name}"))
    try:
        with _Guarded(partial) as guarded:
            with h5py.File(guarded, "w") as file:
                yield file
            guarded.settle()
        sync_paths([partial])
        partial.replace(path)
        sync_paths([path.parent])
    finally:
        partial.unlink(missing_ok=True)


class _Guarded(io.RawIOBase):
    """A file that keeps its first failure for `settle` instead of raising it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b", buffering=0)
        self._failure: OSError | None = None

    def settle(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failure is not None:
            raise self._failure

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while rest and self._failure is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._failure = error
        return len(view)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view)
        if self._failure is not None:
            # Past a failure lies nothing; HDF5 must not take short reads for corruption.
            view[count:] = bytes(len(view) - count)
            return len(view)
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._failure = self._failure or error
            return size or 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
