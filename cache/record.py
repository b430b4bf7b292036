"""The completion record: what a cached video consists of, checksum by checksum.

Zarr reads a missing chunk as zeros without a word, so an item without its record does not exist,
and every chunk is held against the record when it is read.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, NamedTuple

import google_crc32c

from cache.backends import backend_of, each
from cache.keys import SCHEMA, digest_of
from cache.layout import (
    CHECKSUM_BYTES,
    DAMAGED,
    RECORD,
    ArrayForm,
    DamagedError,
    chunk_name,
    level_forms,
)
from cache.objects import Place
from cache.shards import shard_index
from cache.stored_types import STORED_TYPES
from cache.whole import UnwritableError
from configs import FsrvosError

# What files call the stored type, since the first of them were written.
_STORED = "scheme"


class StoredFile(NamedTuple):
    """A file of an item: its path below it, the bytes of each of its chunks with their crc32c (-1
    for a zarr.json, whose length is not recorded and which has none), the crc32c of each chunk,
    and the shard's index that follows them."""

    path: str
    size: int
    checksums: tuple[int, ...]
    tail: bytes = b""

    @property
    def nbytes(self) -> int:
        """Its length, -1 when that is not recorded."""
        return self.size * len(self.checksums) + len(self.tail)

    def fault(self, file: BinaryIO) -> str:
        """What is wrong with the bytes of the opened file; "" when nothing is."""
        if self.size < 0:
            data = file.read()
            return "" if google_crc32c.value(data) == self.checksums[0] else "checksum differs"
        for number, checksum in enumerate(self.checksums):
            data = file.read(self.size)
            trailer = checksum.to_bytes(CHECKSUM_BYTES, "little")
            if google_crc32c.value(data[:-CHECKSUM_BYTES]) != checksum or (
                data[-CHECKSUM_BYTES:] != trailer
            ):
                return f"chunk {number}: checksum differs" if self.tail else "checksum differs"
        return "" if file.read() == self.tail else "index differs"

    def fault_between(self, start: int, end: int, data: memoryview) -> str:
        """What shows of a fault in bytes from `start` to `end`, whole chunks, without adding up
        their checksums: "" for nothing."""
        if len(data) != end - start:
            return f"{len(data)} bytes where {end - start} belong"
        for number in range(start // self.size, min(len(self.checksums), end // self.size)):
            last = (number + 1) * self.size - start
            trailer = self.checksums[number].to_bytes(CHECKSUM_BYTES, "little")
            if data[last - CHECKSUM_BYTES : last] != trailer:
                return f"chunk {number}: checksum differs" if self.tail else "checksum differs"
        if end == self.nbytes and data[len(data) - len(self.tail) :] != self.tail:
            return "index differs"
        return ""


@dataclass(frozen=True)
class LevelRecord:
    """One pyramid level: shape [T, C, h, w] and the crc32c of each chunk, in order."""

    shape: tuple[int, int, int, int]
    values: tuple[int, ...]
    scale: tuple[int, ...] = ()
    offset: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """Everything about a complete item.

    stored: one of STORED_TYPES; meta: of the video; provenance: of the extraction; layout: one of
    shards.LAYOUTS; folder: where its Zarr group lies below it, "" on a disk.
    """

    item: str
    stored: str
    levels: tuple[LevelRecord, ...]
    nbytes: int
    headers: Mapping[str, int]
    meta: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "chunks"
    folder: str = ""

    @property
    def frames(self) -> int:
        """T of the item."""
        return self.levels[0].shape[0]

    def files(self) -> Iterator[StoredFile]:
        """Every file but the record itself."""
        for path, checksum in self.headers.items():
            yield StoredFile(path, -1, (checksum,))
        for number, level in enumerate(self.levels):
            forms = level_forms(STORED_TYPES[self.stored], number, level.shape, self.layout)
            for path, form in forms.items():
                checksums = getattr(level, path.rpartition("/")[2])
                yield from self._array(path, form, checksums)

    def _array(
        self, path: str, form: ArrayForm, checksums: tuple[int, ...]
    ) -> Iterator[StoredFile]:
        rank, size = len(form.chunk), form.chunk_bytes
        if form.shard:
            index = shard_index(len(checksums), size)
            yield StoredFile(f"{path}/{chunk_name(0, rank)}", size, checksums, index)
            return
        for number, checksum in enumerate(checksums):
            yield StoredFile(f"{path}/{chunk_name(number, rank)}", size, (checksum,))


def record_bytes(record: Record) -> bytes:
    """What the file of a record holds."""
    stated = asdict(record).items()
    body = {"schema": SCHEMA, **{name if name != "stored" else _STORED: v for name, v in stated}}
    body["checksum"] = digest_of(body)
    return json.dumps(body).encode()


def read_record(folder: Place) -> Record:
    """The record of an item.

    Raises FileNotFoundError when there is none, DamagedError when it is not what was written.
    """
    try:
        body = json.loads((folder / RECORD).read_bytes())
        checksum = body.pop("checksum")
        if digest_of(body) != checksum:
            raise DamagedError(f"{RECORD}: checksum differs")
        levels = tuple(_level(level) for level in body["levels"])
        names = ("item", "nbytes", "headers", "meta", "provenance")
        # Records of the first version say neither.
        later = {"layout": body.get("layout", "chunks"), "folder": body.get("folder", "")}
        stated = {name: body[name] for name in names}
        return Record(stored=body[_STORED], levels=levels, **later, **stated)
    except (NotADirectoryError, FileNotFoundError):
        raise FileNotFoundError(str(folder / RECORD)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{RECORD}: not a completion record") from error


def check_files(folder: Place, record: Record) -> tuple[list[str], bool]:
    """Faults that show without reading files, and whether one is younger than the record.

    Missing files and those of another length are faults. A younger file means that someone wrote
    into a finished item: its bytes need a look.
    """
    recorded = (folder / RECORD).stat().st_mtime
    group = folder / record.folder
    below = backend_of(group).below(group)
    faults, younger = [], False
    for stored in record.files():
        if stored.path not in below:
            faults.append(f"{stored.path}: missing")
            continue
        facts = below[stored.path]
        younger = younger or facts.written > recorded
        faults += _wrong_length(stored, facts.nbytes)
    return faults, younger


def check_bytes(folder: Place, record: Record) -> list[str]:
    """Faults of the files' bytes, every one read and held against its checksum."""
    below = folder / record.folder

    def faults_of(stored: StoredFile) -> list[str]:
        try:
            with (below / stored.path).open("rb") as file:
                if wrong := _wrong_length(stored, file.seek(0, os.SEEK_END)):
                    return wrong
                file.seek(0)
                fault = stored.fault(file)
        except FsrvosError:
            raise
        except OSError as error:
            fault = _reason(error)
        return [f"{stored.path}: {fault}"] if fault else []

    return [fault for found in each(folder, faults_of, record.files()) for fault in found]


def _wrong_length(stored: StoredFile, nbytes: int) -> list[str]:
    if stored.nbytes in (-1, nbytes):
        return []
    return [f"{stored.path}: {nbytes} bytes where {stored.nbytes} belong"]


def mark_damaged(folder: Place, fault: str) -> None:
    """Leave a note that an item is damaged; a read-only cache keeps none."""
    try:
        backend_of(folder).replace(folder / DAMAGED, json.dumps({"fault": fault}).encode())
    except (OSError, UnwritableError):
        return


def _reason(error: OSError) -> str:
    return "missing" if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable")


def _level(body: Mapping[str, Any]) -> LevelRecord:
    frames, channels, height, width = body["shape"]
    shape = (int(frames), int(channels), int(height), int(width))
    return LevelRecord(shape, tuple(body["values"]), tuple(body["scale"]), tuple(body["offset"]))
