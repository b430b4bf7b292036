"""The feature store: cached maps of one key, written once, read by anyone.

<root>/<key digest>/key.json      the key and where it came from
                   /items/<item>/ one Zarr group a video (layout.py)
                   /tmp/          items being written
                   /claims/       locks on items being written
"""

import json
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.backends import backend_of, each
from cache.claims import Claim
from cache.durable import abandoned, explained
from cache.keys import FeatureKey
from cache.layout import DAMAGED, RECORD, DamagedError
from cache.location import place_of, staging_of
from cache.objects import Place, listed
from cache.quantise import QuantisedMaps, quantise
from cache.reading import StoredItem, open_item
from cache.record import Record, check_bytes, check_files, mark_damaged, read_record
from cache.users import mark_used
from cache.writer import ItemWriter
from configs import CacheIntegrityError, FsrvosError, MissingError

# Items kept open by one reader; each takes tens of kilobytes.
ITEMS_KEPT = 256


class FeatureStore:
    """Cached feature maps of one key below a cache folder.

    Opening one creates nothing; the first write does. Reading is safe from several threads and
    processes at once, also beside writers.
    """

    def __init__(
        self,
        root: str | Place,
        key: FeatureKey,
        provenance: Mapping[str, Any] | None = None,
        layout: str = "chunks",
    ) -> None:
        """provenance: library versions, command and the like, kept beside keys and items.

        layout: of the items to be written (shards.LAYOUTS); both are read.
        """
        self.layout = layout
        self.root = place_of(root)
        self.key = key
        self.folder = self.root / key.digest
        self.provenance = dict(provenance or {})
        self._opened: OrderedDict[str, StoredItem] = OrderedDict()

    def has(self, item: str) -> bool:
        """Whether an item is complete, judged by its record alone."""
        folder = self.item_folder(item)
        # One request for both questions.
        names = {path.name for path in listed(folder)}
        return RECORD in names and DAMAGED not in names

    def faults(self, item: str, deep: bool = False) -> list[str]:
        """What is wrong with an item: nothing, ["absent"], or one line a fault.

        Looks at the presence and length of every file; `deep`, and whenever a file is younger
        than the record, also at every byte.
        """
        folder = self.item_folder(item)
        try:
            if (folder / DAMAGED).exists():
                return [json.loads((folder / DAMAGED).read_bytes())["fault"]]
            record = self._own_record(item)
            found, younger = check_files(folder, record)
        except FileNotFoundError:
            return ["done.json: missing"] if folder.exists() else ["absent"]
        except (DamagedError, ValueError, KeyError) as error:
            return [str(error)]
        return found if found or not (deep or younger) else check_bytes(folder, record)

    def items(self) -> Iterator[str]:
        """Names of the complete items, sorted."""
        folder = self.folder / "items"
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        whole = each(self.root, self.has, names)
        return (name for name, there in zip(names, whole, strict=True) if there)

    def claim(self, item: str) -> Claim | None:
        """Reserve an item for writing, or None while another process has it."""
        self._prepare()
        with explained("claim an item", self.folder):
            return backend_of(self.root).try_claim(self.folder / "claims", item)

    def writer(self, item: str, frames: int) -> ItemWriter:
        """Begin to write an item of `frames` frames. The caller holds its claim."""
        self._prepare()
        self._opened.pop(item, None)
        staging = staging_of(self.folder)
        for stale in staging.glob(f"{item}.*"):
            # Without locks, another process may be writing the same item.
            if backend_of(self.root).exclusive or abandoned(stale):
                shutil.rmtree(stale, ignore_errors=True)
        return ItemWriter(
            self.folder,
            item,
            frames,
            self.key.stored,
            self.provenance,
            self.layout,
            staging=staging,
        )

    def write(
        self, item: str, levels: Sequence[NDArray[np.floating]], meta: Mapping[str, Any]
    ) -> None:
        """Write a whole item: float32 maps [T, C, h, w] of each level. Replaces an old one."""
        with self.writer(item, len(levels[0])) as writer:
            writer.add(0, [quantise(maps, self.key.stored, n) for n, maps in enumerate(levels)])
            writer.commit(meta)

    def record(self, item: str) -> Record:
        """The completion record of an item.

        Raises MissingError when the item is absent, CacheIntegrityError when it is damaged.
        """
        return self._open(item).record

    def _open(self, item: str) -> StoredItem:
        known = self._opened.get(item)
        if known is not None:
            return known
        folder = self.item_folder(item)
        try:
            if (folder / DAMAGED).exists():
                raise DamagedError("was found damaged before")
            record = self._own_record(item)
        except FileNotFoundError:
            raise self._absent(item) from None
        except DamagedError as error:
            raise self._damaged(item, str(error)) from None
        opened = self._opened[item] = open_item(record, folder)
        while len(self._opened) > ITEMS_KEPT:
            self._opened.popitem(last=False)
        return opened

    def read(
        self, item: str, frames: Sequence[int], levels: Sequence[int] | None = None
    ) -> list[QuantisedMaps]:
        """Maps of chosen frames, in the order asked, of all or chosen levels (0 to 3).

        Raises MissingError for an absent item, CacheIntegrityError naming a damaged one,
        IndexError for a frame that the video does not have.
        """
        opened = self._open(item)
        record = opened.record
        for frame in frames:
            if not 0 <= frame < record.frames:
                raise IndexError(f"frame {frame} of {record.frames}: item {item}")
        try:
            return opened.read(frames, range(len(record.levels)) if levels is None else levels)
        except FsrvosError:
            raise
        except (DamagedError, ValueError, OSError) as error:
            if self._replaced(record):
                return self.read(item, frames, levels)
            if not (self.item_folder(item) / RECORD).is_file():  # removed since it was opened
                raise self._absent(item) from None
            raise self._damaged(item, self._fault(record, error)) from None

    def _fault(self, record: Record, error: Exception) -> str:
        """What is wrong with an item that could not be read: a look at all of it names the file,
        which zarr does not."""
        folder = self.item_folder(record.item)
        faults = check_files(folder, record)[0] or check_bytes(folder, record)
        return faults[0] if faults else str(error)

    def _replaced(self, record: Record) -> bool:
        """Whether an item lies elsewhere than when its record was read."""
        self._opened.pop(record.item, None)
        return bool(record.folder) and self.record(record.item).folder != record.folder

    def item_folder(self, item: str) -> Place:
        """Where an item lies. Raises ValueError for a name that is not a digest."""
        if not item.isalnum():
            raise ValueError(f"not an item digest: {item!r}")
        return self.folder / "items" / item

    def _own_record(self, item: str) -> Record:
        """The record that lies in an item's folder, which must be this item's."""
        record = read_record(self.item_folder(item))
        if record.item != item or record.stored != self.key.stored:
            raise DamagedError("done.json: belongs to another item")
        return record

    def mark_used(self, user: Path | None = None) -> None:
        """Note that the key was used now, and by which run or data folder (users.py)."""
        mark_used(self.folder, user)

    def _absent(self, item: str) -> MissingError:
        folder = self.item_folder(item)
        return MissingError(f"the cache has no item {item}: {folder}; run fsrvos features")

    def _damaged(self, item: str, fault: str) -> CacheIntegrityError:
        folder = self.item_folder(item)
        self._opened.pop(item, None)
        if not (folder / DAMAGED).exists():
            mark_damaged(folder, fault)
        return CacheIntegrityError(
            f"cache item {item} is damaged: {fault}: {folder}; fsrvos features recomputes it"
        )

    def _prepare(self) -> None:
        """Make the key's folders and key.json."""
        with explained("write to the cache", self.root):
            for name in ("items", "tmp", "claims"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            path = self.folder / "key.json"
            if not path.exists():
                body = {"kind": "features", "key": asdict(self.key), "provenance": self.provenance}
                backend_of(path).replace(path, json.dumps(body, indent=1, sort_keys=True).encode())
