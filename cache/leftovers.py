"""What nobody will read any more: what killed processes left, and what is damaged.

Nothing that a running process writes or claims counts. Where an item's group lies apart from the
item (backends.py), one that no record names was left by a killed upload, or replaced since; or it
is being written now, which its name tells for processes of this machine, and its age for others.
"""

from collections.abc import Iterator

from cache.backends import TRASH, backend_of, each
from cache.durable import abandoned
from cache.inventory import KeyEntry
from cache.layout import DAMAGED, RECORD, DamagedError
from cache.location import local_side, staging_of
from cache.objects import Place, listed
from cache.record import read_record
from cache.removals import Removal, size_of

KILLED = "left by a killed process"


def trash(root: Place) -> Iterator[Removal]:
    """What a killed prune had renamed away."""
    for path in listed(local_side(root), f"{TRASH}.*"):
        yield Removal("temporary", path, "left by a killed prune", size_of(path))


def leftovers(entry: KeyEntry) -> Iterator[Removal]:
    """Temporary files and folders of a key whose process is gone, claims that nobody holds, and
    damaged items."""
    folder = entry.folder
    staged = dict.fromkeys([*listed(staging_of(folder)), *listed(folder / "tmp")])
    unheld = [path for path in staged if not is_held(entry, path.name.split(".")[0])]
    for path in [*unheld, *listed(folder, ".*")]:
        if abandoned(path):
            yield Removal("temporary", path, KILLED, size_of(path))
    for path in listed(folder / "claims"):
        if not is_held(entry, path.name) and path.exists():
            yield Removal("temporary", path, KILLED, 0)
    for found in each(folder, lambda item: _of_item(entry, item), listed(folder / "items")):
        yield from found


def is_held(entry: KeyEntry, name: str) -> bool:
    """Whether a running process holds the claim on a name of a key."""
    folder = entry.folder if name == "text.lock" else entry.folder / "claims"
    return backend_of(folder).is_claimed(folder, name)


def _of_item(entry: KeyEntry, item: Place) -> list[Removal]:
    """Groups that the item's record does not name; the whole item when it is damaged."""
    below = {path.name: path for path in listed(item)}
    try:
        group = read_record(item).folder if RECORD in below else ""
    except (DamagedError, FileNotFoundError):
        group = ""
    apart = backend_of(item).groups_apart
    others = {name for name in below if apart and name not in (group, RECORD, DAMAGED)}
    left = [below[name] for name in sorted(others) if abandoned(below[name])]
    whole = group in below if apart and RECORD in below else apart or RECORD in below
    if DAMAGED in below or not whole:
        busy = len(left) < len(others) or is_held(entry, item.name)
        if not busy:
            return [Removal("damaged item", item, "damaged or incomplete", size_of(item))]
    return [
        Removal("temporary", path, "replaced since" if group else KILLED, size_of(path))
        for path in left
    ]
