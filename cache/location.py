"""Where the cache lies: a folder, or a URL of an object store."""

import os
from pathlib import Path

from cache.keys import digest_of
from cache.objects import ObjectPath, Place


def default_root() -> Place:
    """FSRVOS_CACHE when set, else cache/ in the FSRVOS_WORK folder, else work/cache."""
    return place_of(os.environ.get("FSRVOS_CACHE") or _work_root() / "cache")


def place_of(where: str | Place) -> Place:
    """A folder, or a place in an object store for a URL other than file://."""
    if not isinstance(where, str):
        return where
    protocol, mark, rest = where.partition("://")
    if not mark:
        return Path(where)
    return Path(rest) if protocol in ("file", "local") else ObjectPath(where.rstrip("/"))


def local_side(root: Place) -> Path:
    """The folder on this machine for what an object store cannot hold: the index of hashed files,
    items being written, copies of sentences. For a cache on disk, the cache itself."""
    if isinstance(root, Path):
        return root
    return _work_root() / "remote" / digest_of(str(root))[:16]


def staging_of(folder: Place) -> Path:
    """The folder on this machine in which items of a key are written before they are in place."""
    if isinstance(folder, Path):
        return folder / "tmp"
    return local_side(folder.parent) / folder.name / "tmp"


def _work_root() -> Path:
    return Path(os.environ.get("FSRVOS_WORK") or "work")
