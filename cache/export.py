"""One HDF5 file that holds a features key and a text key, for clusters that count files.

    /features        attrs: key (canonical JSON), digest, provenance (JSON)
    /features/<item>/level4/values   [T, C, h, w] or packed, a chunk a frame, Fletcher-32
                           /scale    [T, C] float32; absent for fp16 and fp32
                           /offset   [T, C] float32
    /text            attrs as above; the columns of text.py

`PackedFeatures` and `PackedText` read it with the methods of the stores.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cache.durable import explained
from cache.hdf5 import whole_hdf5
from cache.keys import FeatureKey, TextKey, canonical_json
from cache.layout import level_name
from cache.quantise import Packed, QuantisedMaps
from cache.record import Record
from cache.store import FeatureStore
from cache.stored_types import STORED_TYPES
from cache.text import TextStore, normalise_sentence
from cache.text_columns import States, read_rows
from configs import CacheIntegrityError, MissingError, UsageError

Progress = Callable[..., Iterable[Any]]
_FRAMES_AT_ONCE = 16
# Open files' chunk cache; one frame of a wide level must fit.
_CHUNK_CACHE = 32 * 2**20


def export_h5(
    out: Path, features: FeatureStore, text: TextStore | None, progress: Progress | None = None
) -> int:
    """Write a features key, and a text key if given, to one HDF5 file. Returns its bytes.

    Raises MissingError when the key has no item, UsageError when `out` exists, FsrvosError when it
    cannot be written, CacheIntegrityError when an item is damaged; `out` is whole or absent.
    """
    if out.exists():
        raise UsageError(f"will not overwrite {out}; delete it or choose another name")
    items = list(features.items())
    if not items:
        raise MissingError(f"nothing to export: {features.folder}; run fsrvos features")
    shown = items if progress is None else progress(items, total=len(items), description="export")
    with explained("write the export", out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_hdf5(out) as draft:
            group = _keyed(draft.file, "features", features)
            for item in shown:
                _export_item(group.create_group(item), features, item)
            if text is not None and text.sentences():
                text.copy_into(_keyed(draft.file, "text", text))
    return out.stat().st_size


def _keyed(file: Any, name: str, store: FeatureStore | TextStore) -> Any:
    group = file.create_group(name)
    group.attrs["key"] = canonical_json(asdict(store.key))
    group.attrs["digest"] = store.key.digest
    group.attrs["provenance"] = canonical_json(store.provenance)
    return group


def _export_item(group: Any, store: FeatureStore, item: str) -> None:
    record = store.record(item)
    group.attrs["meta"] = canonical_json(dict(record.meta))
    for number in range(len(record.levels)):
        _export_level(group.create_group(level_name(number)), store, record, number)


def _export_level(group: Any, store: FeatureStore, record: Record, number: int) -> None:
    """Copy a level, a few frames at a time."""
    packed = Packed.of(STORED_TYPES[record.stored], number, record.levels[number].shape)
    group.attrs.update(packed._asdict() if packed else {})
    for start in range(0, record.frames, _FRAMES_AT_ONCE):
        rows = range(start, min(start + _FRAMES_AT_ONCE, record.frames))
        (maps,) = store.read(record.item, rows, [number])
        for name in ("values", "scale", "offset"):
            part = getattr(maps, name)
            if part is None:
                continue
            if name not in group:
                full = (record.frames, *part.shape[1:])
                rows_a_chunk = 1 if name == "values" else min(16, full[0])
                chunk = (rows_a_chunk, *full[1:])
                group.create_dataset(
                    name, shape=full, dtype=part.dtype, chunks=chunk, fletcher32=True
                )
            group[name][rows.start : rows.stop] = part


class _Packed:
    """A group of an exported file, opened on first use and again after a fork or in a worker."""

    def __init__(self, path: Path, group: str, digest: str) -> None:
        self.path = Path(path)
        self._name = group
        self._digest = digest
        self._file: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    @property
    def folder(self) -> Path:
        """The file, where the stores give a folder."""
        return self.path

    def mark_used(self, user: Path | None = None) -> None:
        """Nothing: an exported file keeps no notes."""

    def _group(self) -> Any:
        if self._file is None:
            try:
                self._file = h5py.File(self.path, "r", rdcc_nbytes=_CHUNK_CACHE)
            except FileNotFoundError:
                raise MissingError(f"no such exported cache: {self.path}") from None
            except OSError as error:
                raise self._damaged(str(error)) from error
        if self._name not in self._file:
            raise MissingError(f"the exported cache has no {self._name}: {self.path}")
        group = self._file[self._name]
        if group.attrs["digest"] != self._digest:
            raise MissingError(
                f"the exported cache was made with other settings: {self.path}; "
                "export the key that this configuration uses"
            )
        return group

    def _damaged(self, what: str) -> CacheIntegrityError:
        return CacheIntegrityError(
            f"the exported cache is damaged: {what}: {self.path}; export it again"
        )


class PackedFeatures(_Packed):
    """Reads maps from an exported file as `FeatureStore` does from a folder."""

    def __init__(self, path: Path, key: FeatureKey) -> None:
        super().__init__(path, "features", key.digest)
        self.key = key

    def has(self, item: str) -> bool:
        """Whether the file holds an item."""
        return item in self._group()

    def read(
        self, item: str, frames: Sequence[int], levels: Sequence[int] | None = None
    ) -> list[QuantisedMaps]:
        """Maps of chosen frames; see `FeatureStore.read`."""
        group = self._group()
        if item not in group:
            raise MissingError(f"the exported cache has no item {item}: {self.path}")
        numbers = range(len(group[item])) if levels is None else levels
        try:
            return [_read_level(group[item][level_name(n)], frames) for n in numbers]
        except (OSError, KeyError) as error:
            raise self._damaged(f"item {item}") from error


class PackedText(_Packed):
    """Reads sentences from an exported file as `TextStore` does."""

    def __init__(self, path: Path, key: TextKey) -> None:
        super().__init__(path, "text", key.digest)
        self.key = key
        self._rows: dict[str, tuple[int, int, int]] | None = None

    def read(self, sentence: str) -> States:
        """(tokens [L, W], sentence state [W]); see `TextStore.read`."""
        group = self._group()
        try:
            if self._rows is None:
                self._rows = read_rows(group)
            text = normalise_sentence(sentence)
            if text not in self._rows:
                raise MissingError(f"the exported cache has no sentence {text[:60]!r}: {self.path}")
            row, start, end = self._rows[text]
            return group["tokens"][start:end], group["sentence"][row]
        except (OSError, KeyError, ValueError) as error:
            raise self._damaged("sentences") from error


def _read_level(group: Any, frames: Sequence[int]) -> QuantisedMaps:
    total = len(group["values"])
    for frame in frames:
        if not 0 <= frame < total:
            raise IndexError(f"frame {frame} of {total}")

    def rows(name: str) -> Any:
        data = group[name]
        # HDF5 takes sorted, unrepeated rows only; one at a time takes any.
        return np.stack([data[frame] for frame in frames])

    if "scale" not in group:
        return QuantisedMaps(rows("values"))
    about = {name: int(value) for name, value in group.attrs.items()}
    packed = Packed(**about) if about else None
    return QuantisedMaps(rows("values"), rows("scale"), rows("offset"), packed)
