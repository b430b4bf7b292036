"""Putting a finished item into an object store, which knows no renames.

The objects go under a name that nobody else uses, items/<item>/<item>.<host>.<pid>.<random>/, and
the completion record, which names that place, comes last. So two writers of one item cannot mix,
an item that is replaced stays readable until the new one is whole, and what a killed upload leaves
is never read; prune removes it.
"""

from pathlib import Path

from cache.objects import ObjectPath
from cache.record import DAMAGED, Record, write_record


def publish(staged: Path, target: ObjectPath, record: Record) -> None:
    """Upload a staged item to items/<item>, then its record. After a failure nothing is left."""
    place = target / record.folder
    try:
        place.upload(staged)
    except BaseException:
        _forget(place)
        raise
    write_record(target, record)
    (target / DAMAGED).unlink(missing_ok=True)


def _forget(place: ObjectPath) -> None:
    """Remove what was uploaded, if the store still answers; prune does otherwise."""
    try:
        place.remove()
    except Exception:
        return
