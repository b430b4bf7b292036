"""What nobody will read any more in a cache in an object store.

An item's objects lie under a name of their own that its completion record tells (upload.py). Such
a place that no record names was left by a killed upload, or replaced since; or it is being written
now, which its name tells for processes of this machine, and its age for others.
"""

from collections.abc import Iterator

from cache.durable import abandoned
from cache.inventory import KeyEntry
from cache.layout import DamagedError
from cache.location import staging_of
from cache.objects import Place, each, listed
from cache.record import DAMAGED, RECORD, read_record
from cache.removals import Removal, size_of


def object_leftovers(entry: KeyEntry) -> Iterator[Removal]:
    """Temporary objects and folders of a key whose process is gone, and damaged items."""
    for path in [*listed(staging_of(entry.folder)), *listed(entry.folder / "tmp")]:
        if abandoned(path):
            yield Removal("temporary", path, "left by a killed process", size_of(path))
    for found in each(entry.folder, _of_item, listed(entry.folder / "items")):
        yield from found


def _of_item(item: Place) -> list[Removal]:
    """Places that the item's record does not name; the whole item when it is damaged."""
    below = {path.name: path for path in item.iterdir()}
    try:
        named = read_record(item).folder if RECORD in below else ""
    except (DamagedError, FileNotFoundError):
        named = ""
    others = [path for name, path in below.items() if name not in (named, RECORD, DAMAGED)]
    left = [path for path in others if abandoned(path)]
    busy = len(left) < len(others)
    broken = DAMAGED in below or (RECORD in below and named not in below)
    if broken and not busy:
        return [Removal("damaged item", item, "damaged or incomplete", size_of(item))]
    return [Removal("temporary", path, _why(named), size_of(path)) for path in left]


def _why(named: str) -> str:
    return "replaced since" if named else "left by a killed process"
