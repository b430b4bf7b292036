"""What a cache folder holds: its keys, what they take, and when they were used."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cache.backends import each
from cache.keys import FeatureKey, TextKey
from cache.layout import DAMAGED, RECORD, DamagedError
from cache.location import place_of
from cache.objects import Place, listed
from cache.record import Record, read_record
from cache.store import FeatureStore
from cache.text import TextStore
from cache.users import last_used, users_of
from configs import CacheIntegrityError, FsrvosError, MissingError, UsageError, command

DIGEST_LENGTH = 64


@dataclass(frozen=True)
class KeyEntry:
    """One key found in a cache folder. kind: "features" or "text"."""

    digest: str
    kind: str
    folder: Place
    key: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def items(self) -> Iterator[str]:
        """Names of its items that have a record, in no order."""
        folder = self.folder / "items"
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        whole = each(folder, lambda name: (folder / name / RECORD).is_file(), names)
        return (name for name, there in zip(names, whole, strict=True) if there)

    def records(self) -> Iterator[Record]:
        """Records of its whole items."""
        found = each(self.folder, self._record, self.items())
        return (record for record in found if record is not None)

    def _record(self, item: str) -> Record | None:
        folder = self.folder / "items" / item
        try:
            return None if (folder / DAMAGED).exists() else read_record(folder)
        except (FileNotFoundError, DamagedError):
            return None

    def feature_store(self) -> FeatureStore:
        """The store of a "features" key."""
        return FeatureStore(self.folder.parent, FeatureKey(**self.key), self.provenance)

    def text_store(self) -> TextStore:
        """The store of a "text" key."""
        return TextStore(self.folder.parent, TextKey(**self.key), self.provenance)

    @property
    def intact(self) -> bool:
        """Whether the key hashes to the folder's name."""
        try:
            made = FeatureKey(**self.key) if self.kind == "features" else TextKey(**self.key)
        except TypeError:
            return False
        return made.digest == self.digest


@dataclass(frozen=True)
class KeyInfo:
    """A key and what it holds.

    entries: videos or sentences; frames: 0 for text; nbytes: on disk; used: seconds since the
    epoch; users: folders that used it.
    """

    digest: str
    kind: str
    key: Mapping[str, Any]
    provenance: Mapping[str, Any]
    entries: int
    frames: int
    nbytes: int
    used: float
    users: tuple[str, ...] = ()

    @property
    def bytes_per_frame(self) -> float:
        """Mean bytes a cached frame takes; 0 for text."""
        return self.nbytes / self.frames if self.frames else 0.0

    def to_json(self) -> dict[str, Any]:
        """One JSON-able object."""
        return {**asdict(self), "bytes_per_frame": self.bytes_per_frame}


def list_keys(root: str | Place) -> list[KeyEntry]:
    """Every key of a cache folder, by digest. Folders that are not keys are passed over."""
    entries = []
    for path in listed(place_of(root), "*/key.json"):
        digest = path.parent.name
        if len(digest) != DIGEST_LENGTH or path.parent.is_symlink():
            continue
        try:
            body = json.loads(path.read_bytes())
            entry = KeyEntry(digest, body["kind"], path.parent, body["key"], body["provenance"])
        except FsrvosError:
            raise
        except (OSError, ValueError, KeyError, TypeError):
            # verify names it; to everyone else it is no key.
            continue
        if entry.kind in ("features", "text"):
            entries.append(entry)
    return entries


def find_key(root: Place, prefix: str) -> KeyEntry:
    """The key whose digest begins with `prefix`.

    Raises MissingError when there is none, UsageError when there are several.
    """
    found = [entry for entry in list_keys(root) if prefix and entry.digest.startswith(prefix)]
    if not found:
        lists = command("fsrvos", "cache", "ls", "--cache-dir", root)
        raise MissingError(f"the cache has no key {prefix!r}: {root}; they are listed by {lists}")
    if len(found) > 1:
        raise UsageError(f"{len(found)} keys begin with {prefix!r}: {root}; give more digits")
    return found[0]


def info(entry: KeyEntry) -> KeyInfo:
    """What a key holds. Reads every record of a features key."""
    entries = frames = nbytes = 0
    if entry.kind == "features":
        for record in entry.records():
            entries += 1
            frames += record.frames
            nbytes += record.nbytes
    else:
        store = entry.text_store()
        try:
            entries = len(store.sentences())
        except CacheIntegrityError:
            entries = 0
        nbytes = store.nbytes
    return KeyInfo(
        digest=entry.digest,
        kind=entry.kind,
        key=entry.key,
        provenance=entry.provenance,
        entries=entries,
        frames=frames,
        nbytes=nbytes,
        used=last_used(entry.folder),
        users=tuple(str(user.path) for user in users_of(entry.folder)),
    )


def list_info(root: Place) -> list[KeyInfo]:
    """What every key of a cache folder holds."""
    return [info(entry) for entry in list_keys(root)]
