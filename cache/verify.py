"""Looking for damage: every item held against its record."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cache.backends import each
from cache.inventory import KeyEntry, list_keys
from cache.objects import Place, listed
from cache.record import mark_damaged

Progress = Callable[..., Iterable[Any]]


@dataclass(frozen=True)
class Fault:
    """Something that is not what was written. item: "" when the key itself is at fault."""

    key: str
    item: str
    fault: str
    path: Place


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at, how thoroughly, and what is wrong."""

    keys: int
    items: int
    deep: bool
    faults: tuple[Fault, ...]


def verify(
    root: Place, *, deep: bool = False, prefix: str = "", progress: Progress | None = None
) -> VerifyReport:
    """Check every key whose digest begins with `prefix`.

    Shallow: presence and length of every file. Deep: every byte; items found damaged are marked,
    so that `features` recomputes them without another deep look.
    """
    entries = [entry for entry in list_keys(root) if entry.digest.startswith(prefix)]
    faults = list(_unreadable_keys(root, prefix))
    work = [(entry, item) for entry in entries for item in _names(entry)]
    checked: Iterable[list[Fault]] = each(root, lambda it: _item_faults(*it, deep), work)
    if progress is not None:
        checked = progress(checked, total=len(work), description="verify")
    for found in checked:
        faults += found
    for entry in entries:
        if not entry.intact:
            fault = "key.json: not the key that the folder is named after"
            faults.append(Fault(entry.digest, "", fault, entry.folder))
        elif entry.kind == "text":
            faults += [
                Fault(entry.digest, "", fault, entry.folder) for fault in entry.text_store().check()
            ]
    return VerifyReport(len(entries), len(work), deep, tuple(faults))


def _names(entry: KeyEntry) -> list[str]:
    """Everything that lies among a key's items, complete or not."""
    folder = entry.folder / "items"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _item_faults(entry: KeyEntry, item: str, deep: bool) -> list[Fault]:
    folder = entry.folder / "items" / item
    if not item.isalnum():
        return [Fault(entry.digest, item, "not an item of this cache", folder)]
    if not entry.intact:
        return []
    found = entry.feature_store().faults(item, deep=deep)
    if found and deep:
        mark_damaged(folder, found[0])
    return [Fault(entry.digest, item, fault, folder) for fault in found]


def _unreadable_keys(root: Place, prefix: str) -> Iterator[Fault]:
    """Folders named like keys that hold no key.json one can read."""
    known = {entry.digest for entry in list_keys(root)}
    for path in listed(root):
        if len(path.name) == 64 and path.name.startswith(prefix) and path.name not in known:
            yield Fault(path.name, "", "key.json: missing or not readable", path)
