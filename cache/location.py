"""Where the cache lies: a folder, or a URL of an object store."""

import os
from pathlib import Path

from cache.backends import backend_of, work_root
from cache.objects import ObjectPath, Place


def default_root() -> Place:
    """FSRVOS_CACHE when set, else cache/ in the FSRVOS_WORK folder, else work/cache."""
    return place_of(os.environ.get("FSRVOS_CACHE") or work_root() / "cache")


def place_of(where: str | Place) -> Place:
    """A folder, or a place in an object store for a URL other than file://."""
    if not isinstance(where, str):
        return where
    protocol, mark, rest = where.partition("://")
    if not mark:
        return Path(where)
    return Path(rest) if protocol in ("file", "local") else ObjectPath(where.rstrip("/"))


def local_side(root: Place) -> Path:
    """The folder on this machine for what a cache cannot hold (backends.py)."""
    return backend_of(root).local_side(root)


def staging_of(folder: Place) -> Path:
    """The folder on this machine in which items of a key are written before they are in place."""
    return local_side(folder.parent) / folder.name / "tmp"
