"""Removing things from a cache, on a disk or in an object store."""

from dataclasses import dataclass

from cache.backends import backend_of
from cache.durable import explained
from cache.location import local_side
from cache.objects import Place


@dataclass(frozen=True)
class Removal:
    """Something to remove. kind: "temporary", "damaged item", "unused item" or "key"."""

    kind: str
    path: Place
    reason: str
    nbytes: int


def remove(root: Place, removal: Removal) -> None:
    """Remove a file, or all below a place, so that no half of it counts. Raises FsrvosError."""
    with explained("remove from the cache", removal.path):
        backend_of(removal.path).remove(removal.path, local_side(root))


def size_of(path: Place) -> int:
    """Bytes of a file, or of everything below a place."""
    below = backend_of(path).below(path)
    return sum(facts.nbytes for facts in below.values()) if below else _own_size(path)


def _own_size(path: Place) -> int:
    return path.stat().st_size if path.is_file() else 0
