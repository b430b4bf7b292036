"""The files of one cached video: a Zarr v3 group, written and read here byte by byte.

    zarr.json                      the group; attributes: scheme, frames, meta
    level4/zarr.json               one group a pyramid level (strides 4, 8, 16, 32)
    level4/values/zarr.json        [T, C, h, w], one chunk a frame
    level4/values/c.3.0.0.0        frame 3: the raw array, then its crc32c (4 bytes)
    level4/scale/c.0.0             [T, C] float32, up to SCALE_FRAMES frames a chunk
    level4/offset/c.0.0            (or all chunks of an array in one file: shards.py)
    done.json                      the completion record (record.py)

zarr-python reads and writes the same files, but takes milliseconds a chunk; plain reads take
microseconds. Chunk names use "." so that a frame is a file, not four folders.
"""

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from configs.model import STRIDES

SCALE_FRAMES = 16
CHECKSUM_BYTES = 4
_CODECS: list[dict[str, Any]] = [
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "crc32c"},
]
_ZARR_TYPES = {"|u1": "uint8", "<f2": "float16", "<f4": "float32"}


class DamagedError(Exception):
    """A file of an item is missing, has another length, or fails its checksum."""


def level_name(level: int) -> str:
    """Folder of a pyramid level: level4, level8, level16, level32."""
    return f"level{STRIDES[level]}"


def group_header(attributes: Mapping[str, Any] | None = None) -> bytes:
    """zarr.json of a group."""
    return _json({"zarr_format": 3, "node_type": "group", "attributes": attributes or {}})


@lru_cache(maxsize=64)
def array_header(
    shape: tuple[int, ...], chunk: tuple[int, ...], dtype: str, shard: bool = False
) -> bytes:
    """zarr.json of an array whose chunks carry a crc32c; `shard`: all of them in one file.

    dtype: as numpy.dtype.str. Kept, because the videos of a dataset have few shapes.
    """
    codecs = _CODECS
    grid = chunk
    if shard:
        grid = (-(-shape[0] // chunk[0]) * chunk[0], *chunk[1:])
        sharding = {
            "chunk_shape": chunk,
            "codecs": _CODECS,
            "index_codecs": _CODECS,
            "index_location": "end",
        }
        codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    return _json(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": _ZARR_TYPES[dtype],
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": grid}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": 0,
            "codecs": codecs,
            "attributes": {},
        }
    )


def chunk_name(index: int, rank: int) -> str:
    """File of chunk number `index` along the first axis of an array of that rank."""
    return "c." + ".".join([str(index)] + ["0"] * (rank - 1))


def read_chunk(
    path: str, out: NDArray[np.generic], checksum: int, offset: int = 0, alone: bool = True
) -> None:
    """Read the chunk that begins at a byte of a file into a C-contiguous array of its size.

    alone: the file holds nothing else. Raises DamagedError when the file is missing, of another
    length, or not what was written.
    """
    # Bytes go from the page cache to their place in `out`, with no copy in between.
    flat = out.reshape(-1).view(np.uint8)
    trailer = bytearray(CHECKSUM_BYTES + alone)
    try:
        with io.FileIO(path) as file:
            if offset:
                file.seek(offset)
            count = _read_into(file, flat.data)
            count += _read_into(file, memoryview(trailer))
    except FileNotFoundError:
        raise DamagedError("missing") from None
    require_length(count, out.nbytes + CHECKSUM_BYTES)
    require_checksum(flat, bytes(trailer[:CHECKSUM_BYTES]), checksum)


def require_length(count: int, expected: int) -> None:
    """Raise DamagedError unless a chunk has the bytes that belong to it, checksum included."""
    if count != expected:
        found = f"{count} bytes" if count < expected else "more"
        raise DamagedError(f"{found} where {expected} bytes belong")


def require_checksum(data: NDArray[np.uint8], trailer: bytes, checksum: int) -> None:
    """Raise DamagedError unless bytes and their stored crc32c are those that were recorded."""
    # The checksum function takes read-only buffers only.
    data.flags.writeable = False
    recorded = checksum.to_bytes(CHECKSUM_BYTES, "little")
    if google_crc32c.value(data) != checksum or trailer != recorded:
        raise DamagedError("checksum differs")


def _read_into(file: io.FileIO, buffer: memoryview) -> int:
    """Fill a buffer as far as the file goes. Returns the number of bytes."""
    total = 0
    while total < len(buffer) and (count := file.readinto(buffer[total:])):
        total += count
    return total


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()
