"""Writing one item: staged under a temporary name, synced, then renamed into place."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import google_crc32c
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore

from cache.backends import backend_of
from cache.durable import explained
from cache.layout import ArrayForm, level_forms, level_name
from cache.objects import Place
from cache.quantise import Packed, QuantisedMaps
from cache.record import LevelRecord, Record, record_bytes
from cache.shards import LAYOUTS, write_index, write_piece
from cache.stored_types import stored_type
from cache.whole import temporary_name
from cache.zarr_stores import NotingStore


class ItemWriter:
    """Takes the frames of one item in any order and puts the item in place when all are there.

    Use as a context manager: leaving without `commit` removes what was written. One thread at a
    time. Holds the scales of all frames in memory, never the maps.
    """

    def __init__(
        self,
        folder: Place,
        item: str,
        frames: int,
        stored: str,
        provenance: Mapping[str, Any] | None = None,
        layout: str = "chunks",
        *,
        staging: Path,
    ) -> None:
        """folder: of the key. staging: folder on this machine to write it in before it is put in
        place. frames: T. stored: one of STORED_TYPES. layout: one of LAYOUTS."""
        if frames < 1:
            raise ValueError("an item needs at least one frame")
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}: one of {', '.join(LAYOUTS)}")
        self.item = item
        self.frames = frames
        self.stored = stored
        self._kind = stored_type(stored)
        self.layout = layout
        self._folder = folder
        self._staged = staging / temporary_name(item)
        self._provenance = dict(provenance or {})
        self._store = NotingStore(LocalStore(self._staged))
        self._forms: dict[str, ArrayForm] = {}
        self._arrays: dict[str, Any] = {}
        self._shapes: list[tuple[int, int, int]] = []
        self._added: set[int] = set()
        self._scales: list[NDArray[np.float32]] = []
        self._offsets: list[NDArray[np.float32]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    @property
    def complete(self) -> bool:
        """Whether every frame has been added."""
        return len(self._added) == self.frames

    def add(self, start: int, levels: Sequence[QuantisedMaps]) -> None:
        """Write frames start, start + 1, ... given as maps [n, C, h, w] of each level."""
        with explained("write to the cache", self._staged):
            if not self._shapes:
                self._begin(levels)
            for number, maps in enumerate(levels):
                self._add_level(number, start, maps)
            self._added |= set(range(start, start + len(levels[0].values)))

    def commit(self, meta: Mapping[str, Any]) -> Record:
        """Put the item in place. meta: JSON-able facts of the video, kept in the record.

        Raises ValueError when frames are missing, FsrvosError when it cannot be written.
        """
        if not self.complete:
            raise ValueError(f"item {self.item}: not all of {self.frames} frames were added")
        backend = backend_of(self._folder)
        with explained("write to the cache", self._staged):
            levels = tuple(self._finish_level(number) for number in range(len(self._shapes)))
            record = Record(
                item=self.item,
                stored=self.stored,
                levels=levels,
                nbytes=0,
                headers={
                    name: google_crc32c.value(data)
                    for name, data in sorted(self._store.headers.items())
                },
                meta=dict(meta),
                provenance=self._provenance,
                layout=self.layout,
                folder=self._staged.name if backend.groups_apart else "",
            )
            headers = self._store.headers
            arrays = sum(file.nbytes for file in record.files() if file.path not in headers)
            record = replace(record, nbytes=arrays + sum(map(len, headers.values())))
            target = self._folder / "items" / self.item
            backend.put_item(self._staged, target, record_bytes(record))
        return record

    def abort(self) -> None:
        """Remove what was written, unless it has been put in place."""
        shutil.rmtree(self._staged, ignore_errors=True)

    def _begin(self, levels: Sequence[QuantisedMaps]) -> None:
        """Make the groups and the arrays, from the first frames' shapes."""
        self._staged.mkdir(parents=True)
        zarr.create_group(self._store, attributes={"scheme": self.stored, "frames": self.frames})
        for number, maps in enumerate(levels):
            packed = maps.packed._asdict() if maps.packed else {}
            zarr.create_group(self._store, path=level_name(number), attributes=packed)
            shape = maps.shape[1:]
            forms = level_forms(self._kind, number, (self.frames, *shape), self.layout)
            for path, form in forms.items():
                self._arrays[path] = form.make(self._store, path)
            self._forms |= forms
            self._shapes.append(shape)
            self._scales.append(np.zeros((self.frames, shape[0]), np.float32))
            self._offsets.append(np.zeros((self.frames, shape[0]), np.float32))

    def _add_level(self, number: int, start: int, maps: QuantisedMaps) -> None:
        count = len(maps.values)
        shape = self._shapes[number]
        if maps.shape[1:] != shape:
            raise ValueError(f"item {self.item}: maps of {maps.shape[1:]} after {shape}")
        if maps.packed != Packed.of(self._kind, number, shape):
            raise ValueError(f"item {self.item}: level {number} is not stored as {self.stored}")
        if not 0 <= start <= start + count <= self.frames:
            raise ValueError(f"item {self.item}: frames {start}+{count} of {self.frames}")
        self._write(f"{level_name(number)}/values", start, maps.values)
        if maps.scale is not None and maps.offset is not None:
            self._scales[number][start : start + count] = maps.scale
            self._offsets[number][start : start + count] = maps.offset

    def _write(self, path: str, start: int, rows: NDArray[Any]) -> None:
        """Write rows of an array: whole chunks, of which the last one of the array may be cut."""
        form = self._forms[path]
        if not form.shard:
            self._arrays[path][start : start + len(rows)] = rows
            return
        size = form.chunk[0]
        for first in range(0, len(rows), size):
            chunk = np.zeros(form.chunk, form.dtype)
            chunk[: len(rows) - first] = rows[first : first + size]
            number = (start + first) // size
            self._store.chunks[path][number] = write_piece(f"{self._staged}/{path}", number, chunk)

    def _finish_level(self, number: int) -> LevelRecord:
        """Write the scales of a level, complete its shards and give its record."""
        name, shape = level_name(number), (self.frames, *self._shapes[number])
        if self._kind.scaled:
            self._write(f"{name}/scale", 0, self._scales[number])
            self._write(f"{name}/offset", 0, self._offsets[number])
        checksums: dict[str, tuple[int, ...]] = {}
        for path in level_forms(self._kind, number, shape, self.layout):
            form, known = self._forms[path], self._store.chunks[path]
            if form.shard:
                folder = f"{self._staged}/{path}"
                write_index(folder, len(known), len(form.chunk), form.chunk_bytes)
            checksums[path.rpartition("/")[2]] = tuple(known[index] for index in sorted(known))
        return LevelRecord(shape, **checksums)
