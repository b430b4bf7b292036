"""The files of one cached video: a Zarr v3 group, written and read here byte by byte.

    zarr.json                      the group; attributes: scheme, frames, meta
    level4/zarr.json               one group a pyramid level (strides 4, 8, 16, 32)
    level4/values/zarr.json        [T, C, h, w], one chunk a frame
    level4/values/c.3.0.0.0        frame 3: the raw array, then its crc32c (4 bytes)
    level4/scale/c.0.0             [T, C] float32, up to SCALE_FRAMES frames a chunk
    level4/offset/c.0.0
    done.json                      the completion record (record.py)

zarr-python reads and writes the same files, but takes milliseconds a chunk; plain reads take
microseconds. Chunk names use "." so that a frame is a file, not four folders.
"""

import io
import json
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from cache.durable import write_file

STRIDES = (4, 8, 16, 32)
SCALE_FRAMES = 16
CHECKSUM_BYTES = 4
_ZARR_TYPES = {"|u1": "uint8", "<f2": "float16", "<f4": "float32"}


class DamagedError(Exception):
    """A file of an item is missing, has another length, or fails its checksum."""


def level_name(level: int) -> str:
    """Folder of a pyramid level: level4, level8, level16, level32."""
    return f"level{STRIDES[level]}"


def write_group(folder: Path, attributes: dict[str, Any] | None = None) -> None:
    """Make a folder a Zarr group."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(
        folder / "zarr.json",
        {"zarr_format": 3, "node_type": "group", "attributes": attributes or {}},
    )


def write_array(
    folder: Path, shape: tuple[int, ...], chunk: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Make a folder a Zarr array whose chunks carry a crc32c."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(
        folder / "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": _ZARR_TYPES[dtype.str],
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": 0,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "crc32c"},
            ],
            "attributes": {},
        },
    )


def write_chunk(folder: Path, index: int, values: NDArray[np.generic]) -> int:
    """Write the chunk that begins an array at `index` along its first axis. Returns its crc32c."""
    data = values.tobytes()
    checksum: int = google_crc32c.value(data)
    write_file(
        folder / chunk_name(index, values.ndim),
        data + checksum.to_bytes(CHECKSUM_BYTES, "little"),
    )
    return checksum


def chunk_name(index: int, rank: int) -> str:
    """File of chunk number `index` along the first axis of an array of that rank."""
    return "c." + ".".join([str(index)] + ["0"] * (rank - 1))


def read_chunk(path: str, out: NDArray[np.generic], checksum: int) -> None:
    """Read a chunk into a C-contiguous array of its size.

    Raises DamagedError when the file is missing, of another length, or not what was written.
    """
    # Bytes go from the page cache to their place in `out`, with no copy in between.
    flat = out.reshape(-1).view(np.uint8)
    trailer = bytearray(CHECKSUM_BYTES + 1)
    try:
        with io.FileIO(path) as file:
            count = _read_into(file, flat.data)
            count += _read_into(file, memoryview(trailer))
    except FileNotFoundError:
        raise DamagedError("missing") from None
    expected = out.nbytes + CHECKSUM_BYTES
    if count != expected:
        found = f"{count} bytes" if count < expected else "more"
        raise DamagedError(f"{found} where {expected} bytes belong")
    # The checksum function takes read-only buffers only.
    flat.flags.writeable = False
    recorded = checksum.to_bytes(CHECKSUM_BYTES, "little")
    if google_crc32c.value(flat) != checksum or trailer[:CHECKSUM_BYTES] != recorded:
        raise DamagedError("checksum differs")


def _read_into(file: io.FileIO, buffer: memoryview) -> int:
    """Fill a buffer as far as the file goes. Returns the number of bytes."""
    total = 0
    while total < len(buffer) and (count := file.readinto(buffer[total:])):
        total += count
    return total


def _write_json(path: Path, value: object) -> None:
    write_file(path, json.dumps(value, indent=1).encode())
