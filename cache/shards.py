"""Two layouts of an array's chunks: a file a chunk, or all of them in one file, a shard.

"chunks"   values/c.3.0.0.0       chunk 3, then its crc32c
"shards"   values/c.0.0.0.0       every chunk with its crc32c, one after the other, then an index:
                                  offset and length of each (uint64), and the index's crc32c

Zarr-python reads both (its sharding_indexed codec), and writes the first. A shard it writes only
whole, from memory, and every later write reads and writes all of it again; a video's maps come a
few frames at a time and may not fit. So shards are written here: all chunks of an array have one
length, and each goes to its place in the file.
"""

from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from cache.durable import write_at
from cache.layout import CHECKSUM_BYTES, chunk_name

LAYOUTS = ("chunks", "shards")


def write_piece(folder: str, index: int, values: NDArray[Any]) -> int:
    """Write chunk `index` of a shard, in any order. Returns its crc32c."""
    data = values.tobytes()
    checksum: int = google_crc32c.value(data)
    data += checksum.to_bytes(CHECKSUM_BYTES, "little")
    write_at(f"{folder}/{chunk_name(0, values.ndim)}", data, index * len(data))
    return checksum


def write_index(folder: str, count: int, rank: int, length: int) -> None:
    """Complete a shard of `count` chunks of `length` bytes, checksums included."""
    write_at(f"{folder}/{chunk_name(0, rank)}", shard_index(count, length), count * length)


def shard_index(count: int, length: int) -> bytes:
    """The index of a shard of `count` chunks of `length` bytes each."""
    entries = np.full((count, 2), length, "<u8")
    entries[:, 0] *= np.arange(count, dtype="<u8")
    data = entries.tobytes()
    return data + google_crc32c.value(data).to_bytes(CHECKSUM_BYTES, "little")
