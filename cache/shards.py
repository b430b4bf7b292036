"""Two layouts of an array's chunks: a file a chunk, or all of them in one file, a shard.

"chunks"   values/c.3.0.0.0       chunk 3, then its crc32c
"shards"   values/c.0.0.0.0       every chunk with its crc32c, one after the other, then an index:
                                  offset and length of each (uint64), and the index's crc32c

A shard is what Zarr's sharding_indexed codec reads. All chunks of an array have one length, so the
place of one in its shard is known without reading the index.
"""

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from cache.durable import write_at, write_file
from cache.layout import CHECKSUM_BYTES, chunk_name

LAYOUTS = ("chunks", "shards")


def write_piece(folder: str, layout: str, index: int, values: NDArray[np.generic]) -> int:
    """Write chunk `index` of an array, in any order. Returns its crc32c."""
    data = values.tobytes()
    checksum: int = google_crc32c.value(data)
    data += checksum.to_bytes(CHECKSUM_BYTES, "little")
    name, offset = locate(layout, index, values.ndim, len(data))
    if layout == "shards":
        write_at(f"{folder}/{name}", data, offset)
    else:
        write_file(f"{folder}/{name}", data)
    return checksum


def locate(layout: str, index: int, rank: int, length: int) -> tuple[str, int]:
    """File of a chunk of `length` bytes, checksum included, and where in it the chunk begins."""
    if layout == "shards":
        return chunk_name(0, rank), index * length
    return chunk_name(index, rank), 0


def write_index(folder: str, count: int, rank: int, length: int) -> None:
    """Complete a shard of `count` chunks of `length` bytes, checksums included."""
    write_at(f"{folder}/{chunk_name(0, rank)}", shard_index(count, length), count * length)


def shard_index(count: int, length: int) -> bytes:
    """The index of a shard of `count` chunks of `length` bytes each."""
    entries = np.full((count, 2), length, "<u8")
    entries[:, 0] *= np.arange(count, dtype="<u8")
    data = entries.tobytes()
    return data + google_crc32c.value(data).to_bytes(CHECKSUM_BYTES, "little")
