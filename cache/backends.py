"""What a disk and an object store do differently: two back ends under one contract.

A disk renames, so a thing is filled under a temporary name and put in place whole; it has locks,
and folders. An object store has none of these: one object is written whole or not at all, and a
thing of many objects counts when the last of them, which names the others' place, is there.
Everything else in this package asks `backend_of` a place and does not look at it.
"""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from cache.claims import Claim, is_claimed, try_claim
from cache.keys import digest_of
from cache.layout import DAMAGED, RECORD
from cache.objects import FileFacts, ObjectPath, Place
from cache.whole import put_folder, replace_bytes, sync_tree, temporary_name

Given = TypeVar("Given")
Made = TypeVar("Made")
AT_ONCE = 16
TRASH = ".trash"


class Backend(ABC):
    """What can be done at the places of one kind. Raises OSError, and as ObjectPath.

    exclusive: whether a claim keeps others out; groups_apart: whether an item's Zarr group lies
    below the item under a name of its own, which its record tells.
    """

    exclusive: bool
    groups_apart: bool

    @abstractmethod
    def below(self, place: Any) -> dict[str, FileFacts]:
        """Every file or object below a place, by its name from there on."""

    @abstractmethod
    def written(self, place: Any) -> float:
        """When a place was last written to, in seconds since the epoch."""

    @abstractmethod
    def replace(self, place: Any, data: bytes) -> None:
        """Put a file or an object in place, whole or not at all."""

    @abstractmethod
    def remove(self, place: Any, root: Path) -> None:
        """Remove a file, or all that is below a place, so that no half of it counts.

        root: folder on this machine to move things to first.
        """

    @abstractmethod
    def put_item(self, staged: Path, target: Any, record: bytes) -> None:
        """Put a staged item in place of what is there. After a failure nothing new is."""

    @abstractmethod
    def each(self, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """work(x) of each x, in order."""

    @abstractmethod
    def try_claim(self, folder: Any, name: str) -> Claim | None:
        """Claim a name without waiting, or None while another holds it."""

    @abstractmethod
    def is_claimed(self, folder: Any, name: str) -> bool:
        """Whether a living process holds a claim. Leaves no trace."""

    @abstractmethod
    def local_side(self, root: Any) -> Path:
        """The folder on this machine for what a cache cannot hold: the index of hashed files, items
        being written, copies of sentences."""

    @abstractmethod
    def free_bytes(self, root: Any) -> int | None:
        """Room for more; None where there is no end to it."""


class Disk(Backend):
    """A folder of a file system, this machine's or one that it mounts."""

    exclusive = True
    groups_apart = False

    def below(self, place: Path) -> dict[str, FileFacts]:
        """As Backend."""
        files = (path for path in place.rglob("*") if path.is_file())
        return {path.relative_to(place).as_posix(): FileFacts.of(path.stat()) for path in files}

    def written(self, place: Path) -> float:
        """As Backend. Raises FileNotFoundError."""
        return place.stat().st_mtime

    def replace(self, place: Path, data: bytes) -> None:
        """As Backend. Raises UnwritableError."""
        replace_bytes(place, data)

    def remove(self, place: Path, root: Path) -> None:
        """As Backend: a folder is renamed away first."""
        if not place.is_dir():
            place.unlink(missing_ok=True)
            return
        trash = root / f"{TRASH}.{temporary_name(place.name[:16])}"
        place.rename(trash)
        shutil.rmtree(trash)

    def put_item(self, staged: Path, target: Path, record: bytes) -> None:
        """As Backend."""
        (staged / RECORD).write_bytes(record)
        sync_tree(staged)
        put_folder(staged, target, staged.with_name(temporary_name(target.name)))

    def each(self, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """As Backend."""
        return map(work, given)

    def try_claim(self, folder: Path, name: str) -> Claim | None:
        """As Backend."""
        return try_claim(folder, name)

    def is_claimed(self, folder: Path, name: str) -> bool:
        """As Backend."""
        return is_claimed(folder, name)

    def local_side(self, root: Path) -> Path:
        """The cache itself."""
        return root

    def free_bytes(self, root: Path) -> int:
        """As Backend, also of a folder that is not there yet."""
        existing = next(path for path in (root, *root.absolute().parents) if path.exists())
        return shutil.disk_usage(existing).free


class ObjectStore(Backend):
    """What begins with a URL's name in a bucket.

    An item's objects go under a name that nobody else uses,
    items/<item>/<item>.<host>.<pid>.<random>/, and the completion record, which tells it, comes
    last. So two writers of one item cannot mix, an item that is replaced stays readable until the
    new one is whole, and what a killed upload leaves is never read; prune removes it.
    """

    exclusive = False
    groups_apart = True

    def below(self, place: ObjectPath) -> dict[str, FileFacts]:
        """As Backend."""
        return place.below()

    def written(self, place: ObjectPath) -> float:
        """As Backend; 0 for nothing."""
        return max((facts.written for facts in place.below().values()), default=0.0)

    def replace(self, place: ObjectPath, data: bytes) -> None:
        """As Backend."""
        place.write_bytes(data)

    def remove(self, place: ObjectPath, root: Path) -> None:
        """As Backend: completion records go first."""
        for name in place.below():
            if name.rsplit("/", 1)[-1] == RECORD:
                (place / name).unlink(missing_ok=True)
        place.remove()

    def put_item(self, staged: Path, target: ObjectPath, record: bytes) -> None:
        """As Backend."""
        place = target / staged.name
        try:
            place.upload(staged)
        except BaseException:
            _forget(place)
            raise
        self.replace(target / RECORD, record)
        (target / DAMAGED).unlink(missing_ok=True)
        shutil.rmtree(staged, ignore_errors=True)

    def each(self, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """As Backend: many at once, since every request waits for a distant store."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(work, given)

    def try_claim(self, folder: ObjectPath, name: str) -> Claim:
        """Granted to everyone: work may be done twice, never wrongly."""
        return Claim()

    def is_claimed(self, folder: ObjectPath, name: str) -> bool:
        """False: a claim says nothing here."""
        return False

    def local_side(self, root: ObjectPath) -> Path:
        """As Backend."""
        return work_root() / "remote" / digest_of(str(root))[:16]

    def free_bytes(self, root: ObjectPath) -> None:
        """None."""


def _forget(place: ObjectPath) -> None:
    """Remove what was uploaded, if the store still answers; prune does otherwise."""
    try:
        place.remove()
    except Exception:
        return


_DISK, _OBJECT_STORE = Disk(), ObjectStore()


def backend_of(place: Place) -> Backend:
    """The back end that a place belongs to."""
    return _OBJECT_STORE if isinstance(place, ObjectPath) else _DISK


def each(place: Place, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """work(x) of each x, in order: many at once where every request waits for a distant store."""
    return backend_of(place).each(work, given)


def work_root() -> Path:
    """FSRVOS_WORK, else work/."""
    return Path(os.environ.get("FSRVOS_WORK") or "work")
