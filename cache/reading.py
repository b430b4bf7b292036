"""Reading chosen frames of an item: which chunks they need, and the maps made of them.

A plan comes first, so that a file system far away can be asked for all chunks at once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cache.layout import (
    CHECKSUM_BYTES,
    SCALE_FRAMES,
    DamagedError,
    level_name,
    read_chunk,
    require_checksum,
    require_length,
)
from cache.objects import ObjectPath, Place
from cache.quantise import Packed, QuantisedMaps
from cache.record import Record
from cache.schemes import SCHEMES
from cache.shards import locate


class Piece(NamedTuple):
    """A chunk to read: the array's folder below the item, the chunk's number along the first axis,
    the array its bytes go to (of the chunk's shape), and their crc32c."""

    folder: str
    number: int
    out: NDArray[np.generic]
    checksum: int

    def place(self, layout: str) -> tuple[str, int]:
        """File below the item, and where in it the chunk begins."""
        length = self.out.nbytes + CHECKSUM_BYTES
        name, offset = locate(layout, self.number, self.out.ndim, length)
        return f"{self.folder}/{name}", offset

    def name(self, layout: str) -> str:
        """The chunk for people."""
        path, _ = self.place(layout)
        return f"{path} chunk {self.number}" if layout == "shards" else path


Plan = tuple[list[Piece], Callable[[], QuantisedMaps]]


def plan_level(record: Record, level: int, frames: Sequence[int]) -> Plan:
    """The chunks that frames of a level need, and what makes its maps of them once read."""
    facts = record.levels[level]
    folder = level_name(level)
    scheme = SCHEMES[record.scheme]
    stored = scheme.stored_shape(level, facts.shape[1:])
    values = np.empty((len(frames), *stored), scheme.dtype(level))
    pieces = [
        Piece(f"{folder}/values", frame, values[row : row + 1], facts.values[frame])
        for row, frame in enumerate(frames)
    ]
    if not scheme.scaled:
        return pieces, lambda: QuantisedMaps(values)
    size = min(SCALE_FRAMES, record.frames)
    scale, offset = (
        {
            chunk: Piece(
                f"{folder}/{name}",
                chunk,
                np.empty((size, facts.shape[1]), np.float32),
                checksums[chunk],
            )
            for chunk in dict.fromkeys(frame // size for frame in frames)
        }
        for name, checksums in (("scale", facts.scale), ("offset", facts.offset))
    )

    def rows(chunks: dict[int, Piece]) -> NDArray[np.float32]:
        return np.array([chunks[frame // size].out[frame % size] for frame in frames], np.float32)

    def finish() -> QuantisedMaps:
        packed = Packed.of(scheme, level, facts.shape)
        return QuantisedMaps(values, rows(scale), rows(offset), packed)

    return [*pieces, *scale.values(), *offset.values()], finish


def read_pieces(folder: Place, layout: str, pieces: Sequence[Piece]) -> None:
    """Read chunks of an item. Raises DamagedError naming the one that is damaged."""
    if isinstance(folder, ObjectPath):
        _fetch_pieces(folder, layout, pieces)
        return
    for piece in pieces:
        path, offset = piece.place(layout)
        try:
            read_chunk(f"{folder}/{path}", piece.out, piece.checksum, offset, layout == "chunks")
        except (DamagedError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise DamagedError(f"{piece.name(layout)}: {reason}") from None


def _fetch_pieces(folder: ObjectPath, layout: str, pieces: Sequence[Piece]) -> None:
    """Read chunks of an item in an object store, all of them at once."""
    wanted = []
    for piece in pieces:
        path, offset = piece.place(layout)
        # One byte more than a file of its own may hold, to notice one that is too long.
        length = piece.out.nbytes + CHECKSUM_BYTES + (layout == "chunks")
        wanted.append((path, offset, offset + length))
    for piece, found in zip(pieces, folder.ranges(wanted), strict=True):
        try:
            if found is None:
                raise DamagedError("missing")
            require_length(len(found), piece.out.nbytes + CHECKSUM_BYTES)
            flat = piece.out.reshape(-1).view(np.uint8)
            flat[:] = np.frombuffer(found, np.uint8)[: len(flat)]
            require_checksum(flat, found[len(flat) :], piece.checksum)
        except DamagedError as error:
            raise DamagedError(f"{piece.name(layout)}: {error}") from None
