"""The HDF5 files that hold the sentences of a key: one on a disk, several in an object store.

    <folder>/<key digest>/text.h5          all sentences; every write puts a new one in its place
    <url>/<key digest>/text/<random>.h5    the sentences of one write; reading merges them

So on a disk a reader sees the old file or the new one. An object is never changed: writers at the
same time lose nothing, and a copy on this machine (location.local_side) stays true. A sentence that
two wrote counts once.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import h5py

from cache.backends import each
from cache.hdf5 import whole_hdf5
from cache.location import local_side
from cache.objects import ObjectPath, Place
from cache.text_columns import States, write_columns
from cache.whole import whole_file


class TextFiles(Protocol):
    """The files of one text key, on this machine."""

    def files(self) -> tuple[Path, ...]:
        """All of them, by name."""

    def anew(self) -> AbstractContextManager[tuple[Path, ...]]:
        """All of them as the place holds them now, for a look at their bytes."""

    def add(self, fresh: Mapping[str, States]) -> None:
        """Add sentences that are not there. Until this returns, they do not count."""

    def present(self, file: Path) -> Path:
        """One of them, brought here again if it is gone."""

    def disown(self, file: Path) -> Place:
        """The place of one that is damaged; a copy of it is removed."""


def text_files(folder: Place) -> TextFiles:
    """Those of a key's folder."""
    return TextObjects(folder) if isinstance(folder, ObjectPath) else TextFile(folder)


class TextFile:
    """On a disk: one file, as TextFiles."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "text.h5"

    def files(self) -> tuple[Path, ...]:
        return (self.path,) if self.path.exists() else ()

    def anew(self) -> AbstractContextManager[tuple[Path, ...]]:
        return nullcontext(self.files())

    def add(self, fresh: Mapping[str, States]) -> None:
        with ExitStack() as stack:
            old = [stack.enter_context(h5py.File(path, "r")) for path in self.files()]
            new = stack.enter_context(whole_hdf5(self.path))
            write_columns(new.file, old[0] if old else None, fresh)

    def present(self, file: Path) -> Path:
        return file

    def disown(self, file: Path) -> Path:
        return file


class TextObjects:
    """In an object store: its objects and their copies on this machine, as TextFiles."""

    def __init__(self, folder: ObjectPath) -> None:
        """folder: of the key."""
        self.place = folder / "text"
        self._copies = local_side(folder.parent) / folder.name

    def files(self) -> tuple[Path, ...]:
        """Copies of all objects, by name; those that are not here yet are downloaded."""
        return tuple(each(self.place, self._copy, self._names()))

    @contextmanager
    def anew(self) -> Iterator[tuple[Path, ...]]:
        """Copies made only now, for a look at what the store holds; removed on leaving."""
        self._copies.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._copies) as folder:

            def fetch(name: str) -> Path:
                (self.place / name).download(Path(folder, name))
                return Path(folder, name)

            yield tuple(each(self.place, fetch, self._names()))

    def add(self, fresh: Mapping[str, States]) -> None:
        draft = self._copies / f"{secrets.token_hex(16)}.h5"
        with whole_hdf5(draft) as new:
            write_columns(new.file, None, fresh)
        try:
            (self.place / draft.name).write_bytes(draft.read_bytes())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def present(self, file: Path) -> Path:
        return self._copy(file.name)

    def disown(self, file: Path) -> ObjectPath:
        file.unlink(missing_ok=True)
        return self.place / file.name

    def _names(self) -> list[str]:
        return [path.name for path in self.place.iterdir() if path.name.endswith(".h5")]

    def _copy(self, name: str) -> Path:
        """The copy of an object, downloaded if it is not here."""
        path = self._copies / name
        if not path.exists():
            with whole_file(path) as partial:
                (self.place / name).download(partial)
        return path
