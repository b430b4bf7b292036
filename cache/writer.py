"""Writing one item: staged under a temporary name, synced, then renamed into place."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from cache.durable import explained, write_file
from cache.layout import (
    CHECKSUM_BYTES,
    SCALE_FRAMES,
    array_header,
    group_header,
    level_name,
)
from cache.objects import ObjectPath, Place
from cache.quantise import Packed, QuantisedMaps
from cache.record import LevelRecord, Record, write_record
from cache.schemes import scheme_of
from cache.shards import LAYOUTS, write_index, write_piece
from cache.upload import publish
from cache.whole import put_folder, sync_tree, temporary_name


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
        scheme: str,
        provenance: Mapping[str, Any] | None = None,
        layout: str = "chunks",
        *,
        staging: Path,
    ) -> None:
        """folder: of the key. staging: folder on this machine to write it in before it is put in
        place. frames: T. scheme: one of SCHEMES. layout: one of LAYOUTS."""
        if frames < 1:
            raise ValueError("an item needs at least one frame")
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}: one of {', '.join(LAYOUTS)}")
        self.item = item
        self.frames = frames
        self.scheme = scheme
        self._stored = scheme_of(scheme)
        self.layout = layout
        self._folder = folder
        self._staged = staging / temporary_name(item)
        self._provenance = dict(provenance or {})
        self._headers: dict[str, bytes] = {}
        self._shapes: list[tuple[int, int, int]] = []
        self._checksums: list[dict[int, int]] = []
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
        return bool(self._checksums) and len(self._checksums[0]) == self.frames

    def add(self, start: int, levels: Sequence[QuantisedMaps]) -> None:
        """Write frames start, start + 1, ... given as maps [n, C, h, w] of each level."""
        with explained("write to the cache", self._staged):
            if not self._shapes:
                self._begin(levels)
            for number, maps in enumerate(levels):
                self._add_level(number, start, maps)

    def commit(self, meta: Mapping[str, Any]) -> Record:
        """Put the item in place. meta: JSON-able facts of the video, kept in the record.

        Raises ValueError when frames are missing, FsrvosError when it cannot be written.
        """
        if not self.complete:
            raise ValueError(f"item {self.item}: not all of {self.frames} frames were added")
        with explained("write to the cache", self._staged):
            levels = tuple(self._finish_level(number) for number in range(len(self._shapes)))
            record = Record(
                item=self.item,
                scheme=self.scheme,
                levels=levels,
                nbytes=0,
                headers={
                    name: google_crc32c.value(data) for name, data in sorted(self._headers.items())
                },
                meta=dict(meta),
                provenance=self._provenance,
                layout=self.layout,
                folder="" if isinstance(self._folder, Path) else self._staged.name,
            )
            arrays = sum(file.nbytes for file in record.files() if file.path not in self._headers)
            record = replace(record, nbytes=arrays + sum(map(len, self._headers.values())))
            self._put_in_place(record)
        return record

    def _put_in_place(self, record: Record) -> None:
        if isinstance(self._folder, ObjectPath):
            publish(self._staged, self._folder / "items" / self.item, record)
            self.abort()
            return
        write_record(self._staged, record)
        sync_tree(self._staged)
        trash = self._staged.with_name(temporary_name(self.item))
        put_folder(self._staged, self._folder / "items" / self.item, trash)

    def abort(self) -> None:
        """Remove what was written, unless it has been put in place."""
        shutil.rmtree(self._staged, ignore_errors=True)

    def _begin(self, levels: Sequence[QuantisedMaps]) -> None:
        """Write the group and the array headers, from the first frames' shapes."""
        self._write_header("", group_header({"scheme": self.scheme, "frames": self.frames}))
        rows = min(SCALE_FRAMES, self.frames)
        for number, maps in enumerate(levels):
            name = level_name(number)
            self._write_header(name, group_header(maps.packed and maps.packed._asdict()))
            shape = maps.shape[1:]
            channels = shape[0]
            stored = self._stored.stored_shape(number, shape)
            dtype, shard = self._stored.dtype(number), self.layout == "shards"
            values = array_header((self.frames, *stored), (1, *stored), dtype.str, shard)
            self._write_header(f"{name}/values", values)
            if self._stored.scaled:
                scales = array_header((self.frames, channels), (rows, channels), "<f4", shard)
                self._write_header(f"{name}/scale", scales)
                self._write_header(f"{name}/offset", scales)
            self._shapes.append(shape)
            self._checksums.append({})
            self._scales.append(np.zeros((self.frames, channels), np.float32))
            self._offsets.append(np.zeros((self.frames, channels), np.float32))

    def _write_header(self, folder: str, data: bytes) -> None:
        """Make a folder of the item, "" for itself, a Zarr group or array."""
        (self._staged / folder).mkdir(parents=True)
        name = f"{folder}/zarr.json" if folder else "zarr.json"
        write_file(f"{self._staged}/{name}", data)
        self._headers[name] = data

    def _add_level(self, number: int, start: int, maps: QuantisedMaps) -> None:
        count = len(maps.values)
        shape = self._shapes[number]
        if maps.shape[1:] != shape:
            raise ValueError(f"item {self.item}: maps of {maps.shape[1:]} after {shape}")
        if maps.packed != Packed.of(self._stored, number, shape):
            raise ValueError(f"item {self.item}: level {number} is not stored as {self.scheme}")
        if not 0 <= start <= start + count <= self.frames:
            raise ValueError(f"item {self.item}: frames {start}+{count} of {self.frames}")
        folder = f"{self._staged}/{level_name(number)}/values"
        for row in range(count):
            checksum = write_piece(folder, self.layout, start + row, maps.values[row : row + 1])
            self._checksums[number][start + row] = checksum
        if maps.scale is not None and maps.offset is not None:
            self._scales[number][start : start + count] = maps.scale
            self._offsets[number][start : start + count] = maps.offset

    def _finish_level(self, number: int) -> LevelRecord:
        """Write the scales of a level and give its record."""
        folder = f"{self._staged}/{level_name(number)}"
        values = tuple(self._checksums[number][frame] for frame in range(self.frames))
        shape = (self.frames, *self._shapes[number])
        if self.layout == "shards":
            stored = self._stored.stored_shape(number, shape[1:])
            length = self._stored.frame_bytes(number, shape[1:]) + CHECKSUM_BYTES
            write_index(f"{folder}/values", self.frames, 1 + len(stored), length)
        if not self._stored.scaled:
            return LevelRecord(shape, values)
        return LevelRecord(
            shape,
            values,
            self._write_scales(f"{folder}/scale", self._scales[number]),
            self._write_scales(f"{folder}/offset", self._offsets[number]),
        )

    def _write_scales(self, folder: str, rows: NDArray[np.float32]) -> tuple[int, ...]:
        """Write [T, C] in chunks of SCALE_FRAMES rows; the last is padded with zeros."""
        size = min(SCALE_FRAMES, len(rows))
        checksums = []
        for number, start in enumerate(range(0, len(rows), size)):
            chunk = np.zeros((size, rows.shape[1]), np.float32)
            chunk[: len(rows) - start] = rows[start : start + size]
            checksums.append(write_piece(folder, self.layout, number, chunk))
        if self.layout == "shards":
            write_index(folder, len(checksums), rows.ndim, chunk.nbytes + CHECKSUM_BYTES)
        return tuple(checksums)
