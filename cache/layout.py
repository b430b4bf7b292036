"""The Zarr v3 group of one cached video, as zarr-python makes and reads it.

    zarr.json                      the group; attributes: scheme (the stored type), frames
    level4/zarr.json               one group a pyramid level (strides 4, 8, 16, 32)
    level4/values/zarr.json        [T, C, h, w], one chunk a frame
    level4/values/c.3.0.0.0        frame 3: the raw array, then its crc32c (4 bytes)
    level4/scale/c.0.0             [T, C] float32, up to SCALE_FRAMES frames a chunk
    level4/offset/c.0.0            (or all chunks of an array in one file: shards.py)
    done.json                      the completion record (record.py)

Chunk names use "." so that a frame is a file, not four folders.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.codecs import BytesCodec, Crc32cCodec
from zarr.storage import MemoryStore, StorePath

from cache.stored_types import StoredType
from configs.model import STRIDES

SCALE_FRAMES = 16
CHECKSUM_BYTES = 4
RECORD = "done.json"
# Beside a record: a reader found the item damaged. It counts as absent from then on.
DAMAGED = "damaged.json"


class DamagedError(Exception):
    """A file of an item is missing, has another length, or fails its checksum."""


@dataclass(frozen=True)
class ArrayForm:
    """What an array is: its shape, that of a chunk, its dtype.str, and whether it is a shard."""

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: str
    shard: bool

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a stored chunk, its checksum included."""
        return math.prod(self.chunk) * np.dtype(self.dtype).itemsize + CHECKSUM_BYTES

    def make(self, store: Store, path: str) -> Any:
        """A new zarr.Array, whose chunks are written even where they hold nothing but zeros."""
        count = -(-self.shape[0] // self.chunk[0])
        return zarr.create_array(
            store,
            name=path,
            shape=self.shape,
            dtype=self.dtype,
            chunks=self.chunk,
            shards=(count * self.chunk[0], *self.chunk[1:]) if self.shard else None,
            serializer=BytesCodec(endian="little"),
            compressors=Crc32cCodec(),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
            config={"write_empty_chunks": True},
        )

    def open(self, store: Store, path: str) -> "zarr.AsyncArray[Any]":
        """The array of this form that lies at a path. Reads nothing: its zarr.json is known."""
        return zarr.AsyncArray(_metadata(self), StorePath(store, path))


@lru_cache(maxsize=256)
def _metadata(form: ArrayForm) -> Any:
    """What zarr.json says of an array; the videos of a dataset have few forms."""
    return form.make(MemoryStore(), "").metadata


def level_name(level: int) -> str:
    """Folder of a pyramid level: level4, level8, level16, level32."""
    return f"level{STRIDES[level]}"


def level_forms(
    kind: StoredType, level: int, shape: tuple[int, int, int, int], layout: str
) -> dict[str, ArrayForm]:
    """The arrays of a level of maps [T, C, h, w], by their paths below the item."""
    shard = layout == "shards"
    frames, channels = shape[:2]
    stored = kind.stored_shape(level, shape[1:])
    values = ArrayForm((frames, *stored), (1, *stored), kind.dtype(level).str, shard)
    forms = {f"{level_name(level)}/values": values}
    if kind.scaled:
        rows = min(SCALE_FRAMES, frames)
        scales = ArrayForm((frames, channels), (rows, channels), "<f4", shard)
        forms |= {f"{level_name(level)}/{name}": scales for name in ("scale", "offset")}
    return forms


def chunk_name(index: int, rank: int) -> str:
    """File of chunk number `index` along the first axis of an array of that rank."""
    return "c." + ".".join([str(index)] + ["0"] * (rank - 1))
