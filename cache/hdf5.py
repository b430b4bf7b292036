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

from cache.whole import whole_file, writing


class Draft:
    """An HDF5 file being filled. file: the h5py.File."""

    def __init__(self, path: Path, file: Any, guarded: "_Guarded") -> None:
        self.file = file
        self._path = path
        self._guarded = guarded

    def settle(self) -> None:
        """Raise UnwritableError if a write has failed."""
        with writing(self._path):
            self._guarded.settle()


@contextmanager
def whole_hdf5(path: Path, **options: Any) -> Iterator[Draft]:
    """A file to fill, put in place on leaving. options: of h5py.File.

    A failed write shows at the end of the block, or earlier in `settle`. Raises UnwritableError as
    `whole_file`; after any exception nothing is left behind.
    """
    with whole_file(path) as partial, _Guarded(partial) as guarded:
        with h5py.File(guarded, "w", **options) as file:
            draft = Draft(path, file, guarded)
            yield draft
        draft.settle()


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
