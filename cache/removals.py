"""Removing things from a cache, on a disk or in an object store."""

import shutil
from dataclasses import dataclass

from cache.durable import explained
from cache.objects import ObjectPath, Place
from cache.record import RECORD
from cache.whole import temporary_name

TRASH = ".trash"


@dataclass(frozen=True)
class Removal:
    """Something to remove. kind: "temporary", "damaged item", "unused item" or "key"."""

    kind: str
    path: Place
    reason: str
    nbytes: int


def remove(root: Place, removal: Removal) -> None:
    """Remove a file, a folder, or all objects below a place, so that no half of it counts.

    A folder is renamed away first; of objects, the completion records go first. Raises FsrvosError.
    """
    with explained("remove from the cache", removal.path):
        if isinstance(removal.path, ObjectPath):
            _remove_objects(removal.path)
        elif not removal.path.is_dir():
            removal.path.unlink(missing_ok=True)
        elif isinstance(root, ObjectPath):
            # A folder of a cache in an object store that lies on this machine.
            shutil.rmtree(removal.path)
        else:
            trash = root / f"{TRASH}.{temporary_name(removal.path.name[:16])}"
            removal.path.rename(trash)
            shutil.rmtree(trash)


def size_of(path: Place) -> int:
    """Bytes of a file, or of everything below a place."""
    if isinstance(path, ObjectPath):
        return sum(path.sizes().values())
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove_objects(place: ObjectPath) -> None:
    for name in place.sizes():
        if name.rsplit("/", 1)[-1] == RECORD:
            (place / name).unlink(missing_ok=True)
    place.remove()
