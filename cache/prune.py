"""Making room: what may be removed from a cache, why, and how much it frees.

Nothing that a running process writes or claims is touched, and what is removed first ceases to
count (removals.py), so a prune that is killed leaves nothing half there.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cache.inventory import KeyEntry, list_keys
from cache.items import fingerprint, item_of
from cache.keys import digest_of
from cache.leftovers import is_held, leftovers, trash
from cache.objects import Place, listed
from cache.removals import Removal, remove, size_of
from cache.users import last_used, users_of
from configs import FsrvosError


@dataclass(frozen=True)
class PruneReport:
    """What was removed, or would be in a dry run."""

    removals: tuple[Removal, ...]
    dry_run: bool

    @property
    def nbytes(self) -> int:
        """Bytes freed."""
        return sum(removal.nbytes for removal in self.removals)


def _unknown(folder: Path) -> bool:
    raise ValueError(f"prune(unused=True) has to be told whether {folder} is a run's folder")


def prune(
    root: Place,
    *,
    unused: bool = False,
    is_run: Callable[[Path], bool] = _unknown,
    older_than: timedelta | None = None,
    dry_run: bool = False,
) -> PruneReport:
    """Remove leftovers of killed processes and damaged items; with options, more.

    unused: keys that no run and no dataset uses any more (users.py), and items of the others
    whose video is gone or has other frames now. is_run: tells the folder of a run from that of a
    dataset; needed with `unused`. older_than: keys not used for that long.
    dry_run: only tell. Raises FsrvosError when something cannot be removed.
    """
    entries = list_keys(root)
    removals = list(trash(root))
    doomed = dict(_unused_keys(entries, is_run)) if unused else {}
    if older_than is not None:
        doomed.update(_old_keys(entries, older_than))
    for entry in entries:
        if entry.digest in doomed and not _claimed(entry):
            reason = doomed[entry.digest]
            removals.append(Removal("key", entry.folder, reason, size_of(entry.folder)))
            continue
        removals += leftovers(entry)
        if unused:
            removals += _unused_items(entry)
    if not dry_run:
        for removal in removals:
            remove(root, removal)
    return PruneReport(tuple(removals), dry_run)


def _unused_keys(
    entries: list[KeyEntry], is_run: Callable[[Path], bool]
) -> Iterator[tuple[str, str]]:
    """Keys that nobody uses: digest and reason.

    A run folder that exists keeps its keys. A data folder keeps the key last used with it, one of
    each kind, in all views that it was used in.
    """
    latest: dict[tuple[str, Path], tuple[float, str]] = {}
    noted, kept = [], set()
    for entry in entries:
        family = digest_of({**entry.key, "view": None})
        for user in users_of(entry.folder):
            if not user.path.exists():
                continue
            if is_run(user.path):
                kept.add(entry.digest)
            else:
                place = (entry.kind, user.path)
                latest[place] = max(latest.get(place, (0.0, "")), (user.used, family))
                noted.append((place, family, entry.digest))
    kept |= {digest for place, family, digest in noted if latest[place][1] == family}
    for entry in entries:
        if entry.digest not in kept:
            yield entry.digest, "no run and no dataset uses it"


def _old_keys(entries: list[KeyEntry], age: timedelta) -> Iterator[tuple[str, str]]:
    now = time.time()
    for entry in entries:
        days = (now - last_used(entry.folder)) / 86400
        if days > age / timedelta(days=1):
            yield entry.digest, f"last used {days:.0f} days ago"


def _unused_items(entry: KeyEntry) -> Iterator[Removal]:
    """Items whose video is not where it was, or has other frames."""
    for record in entry.records():
        source = Path(str(record.meta.get("source", "")))
        names = record.meta.get("frames", ())
        try:
            paths = [source / name for name in names]
            if not names or (fingerprint(paths) and item_of(paths) == record.item):
                continue
            reason = f"frames changed: {source}"
        except FsrvosError:
            reason = f"video gone: {source}"
        path = entry.folder / "items" / record.item
        if not is_held(entry, record.item):
            yield Removal("unused item", path, reason, record.nbytes)


def _claimed(entry: KeyEntry) -> bool:
    """Whether a running process writes to a key."""
    names = [path.name for path in listed(entry.folder / "claims")]
    return any(is_held(entry, name) for name in [*names, "text.lock"])
