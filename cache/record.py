"""The completion record: what a cached video consists of, checksum by checksum.

Zarr reads a missing chunk as zeros without a word, so an item without its record does not exist,
and every chunk is held against the record when it is read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c

from cache.durable import replace_file, write_file
from cache.keys import SCHEMA, digest_of
from cache.layout import CHECKSUM_BYTES, SCALE_FRAMES, DamagedError, chunk_name, level_name
from cache.quantise import SCALED, SCHEMES

RECORD = "done.json"
# Beside a record: a reader found the item damaged. It counts as absent from then on.
DAMAGED = "damaged.json"


@dataclass(frozen=True)
class LevelRecord:
    """One pyramid level: shape [T, C, h, w] and the crc32c of each chunk, in order."""

    shape: tuple[int, int, int, int]
    values: tuple[int, ...]
    scale: tuple[int, ...] = ()
    offset: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """Everything about a complete item. meta: of the video; provenance: of the extraction."""

    item: str
    scheme: str
    levels: tuple[LevelRecord, ...]
    nbytes: int
    headers: Mapping[str, int]
    meta: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """T of the item."""
        return self.levels[0].shape[0]

    def files(self) -> Iterator[tuple[str, int, int]]:
        """(path below the item, bytes, crc32c) of every file but the record itself.

        Chunks end in their own crc32c; the one given here is of what comes before it. The bytes
        of a zarr.json are not recorded: -1.
        """
        for path, checksum in self.headers.items():
            yield path, -1, checksum
        for number, level in enumerate(self.levels):
            frames, channels, height, width = level.shape
            size = channels * height * width * SCHEMES[self.scheme].itemsize + CHECKSUM_BYTES
            for frame, checksum in enumerate(level.values):
                yield f"{level_name(number)}/values/{chunk_name(frame, 4)}", size, checksum
            size = min(SCALE_FRAMES, frames) * channels * 4 + CHECKSUM_BYTES
            for name in ("scale", "offset") if self.scheme in SCALED else ():
                for chunk, checksum in enumerate(getattr(level, name)):
                    yield f"{level_name(number)}/{name}/{chunk_name(chunk, 2)}", size, checksum


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a staged item."""
    body = {"schema": SCHEMA, **asdict(record)}
    body["checksum"] = digest_of(body)
    write_file(folder / RECORD, json.dumps(body).encode())


def read_record(folder: Path) -> Record:
    """The record of an item.

    Raises FileNotFoundError when there is none, DamagedError when it is not what was written.
    """
    try:
        body = json.loads((folder / RECORD).read_bytes())
        checksum = body.pop("checksum")
        if digest_of(body) != checksum:
            raise DamagedError(f"{RECORD}: checksum differs")
        levels = tuple(_level(level) for level in body["levels"])
        names = ("item", "scheme", "nbytes", "headers", "meta", "provenance")
        return Record(levels=levels, **{name: body[name] for name in names})
    except (NotADirectoryError, FileNotFoundError):
        raise FileNotFoundError(str(folder / RECORD)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{RECORD}: not a completion record") from error


def check_files(folder: Path, record: Record) -> tuple[list[str], bool]:
    """Faults that show without reading files, and whether one is younger than the record.

    Missing files and those of another length are faults. A younger file means that someone wrote
    into a finished item: its bytes need a look.
    """
    faults = []
    written = (folder / RECORD).stat().st_mtime_ns
    younger = False
    for path, size, _ in record.files():
        try:
            stat = (folder / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            faults.append(f"{path}: missing")
            continue
        younger = younger or stat.st_mtime_ns > written
        if size >= 0 and stat.st_size != size:
            faults.append(f"{path}: {stat.st_size} bytes where {size} belong")
    return faults, younger


def check_bytes(folder: Path, record: Record) -> list[str]:
    """Faults of the files' bytes, every one read and held against its checksum."""
    faults = []
    for path, size, checksum in record.files():
        try:
            data = (folder / path).read_bytes()
        except OSError as error:
            faults.append(f"{path}: {_reason(error)}")
            continue
        if size >= 0 and len(data) != size:
            faults.append(f"{path}: {len(data)} bytes where {size} belong")
            continue
        if size >= 0:
            data, trailer = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
            if trailer != checksum.to_bytes(CHECKSUM_BYTES, "little"):
                faults.append(f"{path}: checksum differs")
                continue
        if google_crc32c.value(data) != checksum:
            faults.append(f"{path}: checksum differs")
    return faults


def mark_damaged(folder: Path, fault: str) -> None:
    """Leave a note that an item is damaged; a read-only cache keeps none."""
    try:
        replace_file(folder / DAMAGED, json.dumps({"fault": fault}).encode())
    except OSError:
        return


def _reason(error: OSError) -> str:
    return "missing" if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable")


def _level(body: Mapping[str, Any]) -> LevelRecord:
    frames, channels, height, width = body["shape"]
    shape = (int(frames), int(channels), int(height), int(width))
    return LevelRecord(shape, tuple(body["values"]), tuple(body["scale"]), tuple(body["offset"]))
