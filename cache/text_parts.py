"""Sentences in an object store: every write adds an HDF5 object, reading merges them.

    <url>/<key digest>/text/<random>.h5   the columns of text.py, of the sentences of one write

An object is never changed, so writers at the same time lose nothing, and a copy on this machine
(location.local_side) stays true. A sentence that two wrote counts once.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cache.location import local_side
from cache.objects import ObjectPath, each
from cache.whole import whole_file


class TextParts:
    """The objects of one text key and their copies on this machine."""

    def __init__(self, folder: ObjectPath) -> None:
        """folder: of the key."""
        self.place = folder / "text"
        self._copies = local_side(folder.parent) / folder.name

    def files(self) -> tuple[Path, ...]:
        """Copies of all objects, by name; those that are not here yet are downloaded."""
        return tuple(each(self.place, self.copy, self._names()))

    @contextmanager
    def anew(self) -> Iterator[tuple[Path, ...]]:
        """Copies made only now, for a look at what the store holds; removed on leaving."""
        self._copies.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._copies) as folder:

            def fetch(name: str) -> Path:
                (self.place / name).download(Path(folder, name))
                return Path(folder, name)

            yield tuple(each(self.place, fetch, self._names()))

    def draft(self) -> Path:
        """Where to write a new HDF5 file for `add`."""
        self._copies.mkdir(parents=True, exist_ok=True)
        return self._copies / f"{secrets.token_hex(16)}.h5"

    def add(self, draft: Path) -> None:
        """Put a file in place. Until this returns, it does not count."""
        try:
            (self.place / draft.name).write_bytes(draft.read_bytes())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def origin(self, copy: Path) -> ObjectPath:
        """The object that a file is a copy of."""
        return self.place / copy.name

    def _names(self) -> list[str]:
        return [path.name for path in self.place.iterdir() if path.name.endswith(".h5")]

    def copy(self, name: str) -> Path:
        """The copy of an object, downloaded if it is not here."""
        path = self._copies / name
        if not path.exists():
            with whole_file(path) as partial:
                (self.place / name).download(partial)
        return path
