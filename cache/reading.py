"""Reading chosen frames of an item: from an object store through zarr-python, from a disk here.

Zarr-python takes a tenth of a millisecond of Python a chunk. Beside a request over a network that
is nothing. On a disk it is ten times what five frames of small maps take below (3.6 ms instead of
0.36), in threads that the training step waits for; so a chunk of a file goes straight to its place,
and is held against the record there. tests/cache/test_contract.py has both give the same.
"""

import asyncio
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import google_crc32c
import numpy as np
from fsspec.asyn import get_loop, sync
from numpy.typing import NDArray

from cache.layout import CHECKSUM_BYTES, ArrayForm, DamagedError, chunk_name, level_forms
from cache.objects import ObjectPath, Place
from cache.quantise import Packed, QuantisedMaps
from cache.record import Record
from cache.stored_types import STORED_TYPES
from cache.zarr_stores import ObjectsBelow, RecordedStore


class StoredItem(Protocol):
    """An item opened for reading, from any thread."""

    record: Record

    def read(self, frames: Sequence[int], levels: Sequence[int]) -> list[QuantisedMaps]:
        """Maps of chosen frames, in the order asked, of chosen levels.

        Raises DamagedError or ValueError for what is not what was written, OSError.
        """


def open_item(record: Record, folder: Place) -> StoredItem:
    """folder: of the item."""
    if isinstance(folder, ObjectPath):
        return ObjectItem(record, folder / record.folder)
    return FileItem(record, folder)


def _forms(record: Record, level: int) -> dict[str, ArrayForm]:
    """A level's arrays: values, and where there are any, scale and offset."""
    return level_forms(
        STORED_TYPES[record.stored], level, record.levels[level].shape, record.layout
    )


def _maps(record: Record, level: int, arrays: Sequence[NDArray[Any]]) -> QuantisedMaps:
    packed = Packed.of(STORED_TYPES[record.stored], level, record.levels[level].shape)
    values, scale, offset = arrays if len(arrays) > 1 else (arrays[0], None, None)
    return QuantisedMaps(values, scale, offset, packed)


class FileItem:
    """An item on a disk."""

    def __init__(self, record: Record, folder: Path) -> None:
        self.record = record
        self._folder = folder
        self._files = {file.path: file for file in record.files()}

    def read(self, frames: Sequence[int], levels: Sequence[int]) -> list[QuantisedMaps]:
        """As StoredItem."""
        read = []
        for level in levels:
            forms = _forms(self.record, level).items()
            arrays = [self._rows(path, form, frames) for path, form in forms]
            read.append(_maps(self.record, level, arrays))
        return read

    def _rows(self, path: str, form: ArrayForm, frames: Sequence[int]) -> NDArray[Any]:
        size = form.chunk[0]
        if size == 1:
            rows = np.empty((len(frames), *form.chunk[1:]), form.dtype)
            for row, frame in enumerate(frames):
                self._fill(path, form, frame, rows[row : row + 1])
            return rows
        chunks = {
            number: np.empty(form.chunk, form.dtype) for number in {f // size for f in frames}
        }
        for number, chunk in chunks.items():
            self._fill(path, form, number, chunk)
        return np.array([chunks[frame // size][frame % size] for frame in frames], form.dtype)

    def _fill(self, path: str, form: ArrayForm, number: int, out: NDArray[Any]) -> None:
        """Read a chunk into an array of its shape. Bytes are copied once, from the page cache."""
        place = f"{path}/{chunk_name(0 if form.shard else number, len(form.chunk))}"
        checksum = self._files[place].checksums[number if form.shard else 0]
        flat = out.reshape(-1).view(np.uint8)
        # A file of its own holds nothing after its checksum.
        trailer = bytearray(CHECKSUM_BYTES + (not form.shard))
        try:
            with io.FileIO(f"{self._folder}/{place}") as file:
                if form.shard:
                    file.seek(number * form.chunk_bytes)
                whole = file.readinto(flat.data) == len(flat)
                whole = whole and file.readinto(trailer) == CHECKSUM_BYTES
        except FileNotFoundError:
            raise DamagedError(f"{place}: missing") from None
        flat.flags.writeable = False  # the checksum function takes nothing else
        recorded = checksum.to_bytes(CHECKSUM_BYTES, "little")
        if (
            not whole
            or trailer[:CHECKSUM_BYTES] != recorded
            or google_crc32c.value(flat) != checksum
        ):
            raise DamagedError(f"{place}: chunk {number} is not what was written")


class ObjectItem:
    """An item in an object store; everything is asked for at once."""

    def __init__(self, record: Record, place: ObjectPath) -> None:
        """place: of the item's Zarr group."""
        self.record = record
        self._place = place
        self._files = {file.path: file for file in record.files()}

    def read(self, frames: Sequence[int], levels: Sequence[int]) -> list[QuantisedMaps]:
        """As StoredItem. Raises ObjectStoreError when the store cannot be reached."""
        # Made anew, for a process that was forked has connections of its own, and made here, since
        # connecting waits for the loop.
        store = RecordedStore(ObjectsBelow(self._place), self._files)
        return list(sync(get_loop(), self._levels, store, frames, levels))

    async def _levels(
        self, store: RecordedStore, frames: Sequence[int], levels: Sequence[int]
    ) -> list[QuantisedMaps]:

        async def level_maps(level: int) -> QuantisedMaps:
            arrays = [
                _selected(form.open(store, path), form, frames)
                for path, form in _forms(self.record, level).items()
            ]
            return _maps(self.record, level, await asyncio.gather(*arrays))

        return await asyncio.gather(*map(level_maps, levels))


async def _selected(array: Any, form: ArrayForm, frames: Sequence[int]) -> NDArray[Any]:
    """Rows of a Zarr array. Slices, since zarr-python takes far longer for a list of rows."""
    if form.chunk[0] == 1:
        parts = await asyncio.gather(*(array.getitem(slice(*run)) for run in _runs(frames)))
        return np.concatenate(parts)
    first = min(frames, default=0)
    rows = await array.getitem(slice(first, max(frames, default=-1) + 1))
    return np.asarray(rows)[np.asarray(frames, int) - first]


def _runs(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Frames as (first, end) of those that follow one another; (0, 0) for none."""
    start = end = frames[0] if frames else 0
    for frame in frames:
        if frame != end:
            yield start, end
            start = end = frame
        end += 1
    yield start, end
