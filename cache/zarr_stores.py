"""The Zarr stores that an item is written to and read from.

NotingStore writes, and notes checksums; RecordedStore reads, and requires them.

What zarr-python leaves open is closed here. A chunk that is missing reads as zeros, and a whole and
valid chunk of another frame reads as this one: so every answer is held against the completion
record before zarr sees it. That the bytes of a chunk are those of its own checksum, zarr's crc32c
codec finds out.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from zarr.abc.store import ByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.errors import ZarrUserWarning
from zarr.storage import FsspecStore, LocalStore, WrapperStore

from cache.layout import CHECKSUM_BYTES, DamagedError
from cache.objects import ObjectPath, open_store, store_error
from cache.record import StoredFile

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype


class NotingStore(WrapperStore[LocalStore]):
    """Writes, and keeps the crc32c of every chunk.

    chunks: checksums by the array's path and the chunk's number along the first axis.
    headers: the bytes of each zarr.json by its path.
    """

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        self.chunks: dict[str, dict[int, int]] = defaultdict(dict)
        self.headers: dict[str, bytes] = {}

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file. Raises OSError."""
        await self._store.set(key, value)
        folder, _, name = key.rpartition("/")
        if name == "zarr.json":
            self.headers[key] = value.to_bytes()
        else:
            checksum = value[len(value) - CHECKSUM_BYTES :].to_bytes()
            self.chunks[folder][int(name.split(".")[1])] = int.from_bytes(checksum, "little")


class RecordedStore(WrapperStore[Store]):
    """Answers with what the completion record names, and raises DamagedError for anything else."""

    def __init__(self, store: Store, files: Mapping[str, StoredFile]) -> None:
        super().__init__(store)
        self._files = files

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Bytes of a file, which are there and as long as the record says."""
        if key not in self._files:
            raise DamagedError(f"{key}: not in the record")
        stored = self._files[key]
        found = await self._store.get(key, prototype, byte_range)
        if found is None:
            raise DamagedError(f"{key}: missing")
        start, end = _span(byte_range, stored.nbytes)
        fault = stored.fault_between(start, end, found.as_numpy_array().data)
        if fault:
            raise DamagedError(f"{key}: {fault}")
        return found


def _span(asked: ByteRequest | None, nbytes: int) -> tuple[int, int]:
    """First byte and end of what is asked for of a file of so many bytes."""
    if isinstance(asked, RangeByteRequest):
        return asked.start, asked.end
    if isinstance(asked, SuffixByteRequest):
        return nbytes - asked.suffix, nbytes
    return (asked.offset if asked else 0), nbytes


class ObjectsBelow(FsspecStore):
    """Objects, through the connection that the rest of the program has."""

    def __init__(self, place: ObjectPath) -> None:
        files, path = open_store(place.url)
        if not files.async_impl:
            files = AsyncFileSystemWrapper(files, asynchronous=True)
        with warnings.catch_warnings():
            # It belongs to fsspec's own loop, which reading.py runs in.
            warnings.filterwarnings("ignore", "fs .* was not created with", ZarrUserWarning)
            super().__init__(files, read_only=True, path=path)
        self._url = place.url

    async def get(
        self, key: str, prototype: Any, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Bytes of an object; None where there is none. Raises ObjectStoreError."""
        try:
            return await super().get(key, prototype, byte_range)
        except Exception as error:
            raise store_error(error, self._url) from error
