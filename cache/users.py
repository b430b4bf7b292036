"""Who uses a key, and when it was last used: what prune goes by.

    <root>/<key>/used                empty; its mtime is the last use
                /users/<digest>.json {"path": a run folder or a data folder}

A key is in use while a run folder that read it exists, or while it is the one last extracted for
a data folder that exists. A read-only cache keeps no notes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cache.backends import backend_of
from cache.keys import digest_of
from cache.objects import Place, listed
from cache.whole import UnwritableError


@dataclass(frozen=True)
class User:
    """A folder that used a key, and when, in seconds since the epoch."""

    path: Path
    used: float


def mark_used(folder: Place, user: Path | None = None) -> None:
    """Note on a key's folder that it is used now. Does nothing where that cannot be written."""
    try:
        if not folder.is_dir():
            return
        (folder / "used").touch()
        if user is not None:
            path = str(Path(user).absolute())
            (folder / "users").mkdir(exist_ok=True)
            note = folder / "users" / f"{digest_of(path)}.json"
            backend_of(note).replace(note, json.dumps({"path": path}).encode())
    except (OSError, UnwritableError):
        return


def users_of(folder: Place) -> Iterator[User]:
    """Everyone noted on a key's folder."""
    for path in listed(folder / "users", "*.json"):
        try:
            yield User(Path(json.loads(path.read_bytes())["path"]), path.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def last_used(folder: Place) -> float:
    """Seconds since the epoch of the last use; of the key's making when it was never used."""
    for name in ("used", "key.json"):
        try:
            return (folder / name).stat().st_mtime
        except OSError:
            continue
    return 0.0
