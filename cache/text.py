"""Cached sentences: token states and sentence states in one HDF5 file a key.

    <root>/<key digest>/key.json
                       /text.h5   tokens float32 [sum of L, W], sentence float32 [N, W],
                                  ends int64 [N] (row where each sentence's tokens end),
                                  text uint8 [sum of bytes], UTF-8, and text_ends int64 [N];
                                  every data set with a Fletcher-32 checksum

The file is replaced whole, never changed in place, so a reader sees the old one or the new one.
In an object store there are several such files (text_parts.py).
"""

import json
import time
import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cache.claims import try_claim
from cache.durable import explained, replace_file
from cache.hdf5 import whole_hdf5
from cache.keys import TextKey
from cache.location import place_of
from cache.objects import ObjectPath, Place
from cache.text_parts import TextParts
from cache.users import mark_used
from configs import CacheIntegrityError, MissingError

States = tuple[NDArray[np.float32], NDArray[np.float32]]
COLUMNS = ("tokens", "sentence", "ends", "text", "text_ends")
SENTENCES_KEPT = 2048
_WAIT_SECONDS = 0.05
_ROWS_AT_ONCE = 4096


def normalise_sentence(sentence: str) -> str:
    """The spelling a sentence is cached under: Unicode NFC, single blanks, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", sentence).split())


class TextStore:
    """Cached sentences of one key. Opening one creates nothing."""

    def __init__(
        self, root: str | Place, key: TextKey, provenance: Mapping[str, Any] | None = None
    ) -> None:
        self.root = place_of(root)
        self.key = key
        self.folder = self.root / key.digest
        self.path = self.folder / "text.h5"
        self._parts = TextParts(self.folder) if isinstance(self.folder, ObjectPath) else None
        self.provenance = dict(provenance or {})
        # What the files looked like when they were last read, and where each sentence is.
        self._stamp: Hashable = None
        self._rows: dict[str, tuple[Path, int, int, int]] = {}
        self._kept: dict[str, States] = {}

    def missing(self, sentences: Iterable[str]) -> list[str]:
        """Normalised sentences that are not cached, without repeats, in order."""
        self._refresh()
        wanted = dict.fromkeys(normalise_sentence(sentence) for sentence in sentences)
        return [sentence for sentence in wanted if sentence not in self._rows]

    def sentences(self) -> list[str]:
        """All cached sentences, normalised."""
        self._refresh()
        return list(self._rows)

    def write(self, states: Mapping[str, States]) -> None:
        """Add sentences: tokens float32 [L, W] and sentence state float32 [W] of each.

        What is cached already stays. Raises ValueError for other shapes or numbers that are not
        finite, FsrvosError when it cannot be written.
        """
        fresh = {
            normalise_sentence(text): _checked(pair, self.key.width)
            for text, pair in states.items()
        }
        with explained("write to the cache", self.path):
            self._prepare()
            while (claim := try_claim(self.folder, "text.lock")) is None:
                time.sleep(_WAIT_SECONDS)
            try:
                self._refresh()
                fresh = {text: pair for text, pair in fresh.items() if text not in self._rows}
                if fresh:
                    self._add(fresh)
            finally:
                claim.release()

    def read(self, sentence: str) -> States:
        """(tokens [L, W], sentence state [W]) of a sentence.

        Raises MissingError when it is not cached, CacheIntegrityError when the file is damaged.
        """
        text = normalise_sentence(sentence)
        if text in self._kept:
            return self._kept[text]
        if text not in self._rows:
            self._refresh()
        if text not in self._rows:
            raise MissingError(
                f"the cache has no sentence {text[:60]!r}: {self.path}; run fsrvos features"
            )
        path, row, start, end = self._rows[text]
        if self._parts is not None:
            path = self._parts.copy(path.name)
        try:
            with h5py.File(path, "r") as file:
                pair = (file["tokens"][start:end], file["sentence"][row])
        except (OSError, KeyError) as error:
            raise self._damaged(path) from error
        if len(self._kept) >= SENTENCES_KEPT:
            self._kept.clear()
        self._kept[text] = pair
        return pair

    def mark_used(self, user: Path | None = None) -> None:
        """Note that the key was used now, and by which run or data folder (users.py)."""
        mark_used(self.folder, user)

    def check(self) -> list[str]:
        """Faults of the files, every byte read: none, or one line a file."""
        with nullcontext(self._files()) if self._parts is None else self._parts.anew() as files:
            return [fault for path in files for fault in _faults(path)]

    @property
    def nbytes(self) -> int:
        """What the sentences take on the disk or in the store."""
        return sum(path.stat().st_size for path in self._files())

    def copy_into(self, group: Any) -> None:
        """Write all sentences, of which there are some, to an HDF5 group."""
        self._refresh()
        if self._parts is None:
            with h5py.File(self.path, "r") as file:
                write_columns(group, file, {})
        else:
            write_columns(group, None, {text: self.read(text) for text in self._rows})

    def _files(self) -> tuple[Path, ...]:
        """The HDF5 files, on this machine."""
        if self._parts is not None:
            return self._parts.files()
        path = Path(str(self.path))
        return (path,) if path.exists() else ()

    def _refresh(self) -> None:
        """Read the list of sentences when the files are not those last seen."""
        stats = [(path, path.stat()) for path in self._files()]
        stamp = tuple((path, stat.st_ino, stat.st_mtime_ns) for path, stat in stats)
        if stamp == self._stamp:
            return
        rows: dict[str, tuple[Path, int, int, int]] = {}
        for path, _ in stats:
            try:
                with h5py.File(path, "r") as file:
                    for text, place in read_rows(file).items():
                        rows.setdefault(text, (path, *place))
            except (OSError, KeyError, ValueError) as error:
                raise self._damaged(path) from error
        self._stamp, self._rows, self._kept = stamp, rows, {}

    def _add(self, fresh: Mapping[str, States]) -> None:
        """Write fresh sentences: with the old ones to a new file that takes the place of the old,
        or to one more object."""
        if self._parts is not None:
            draft = self._parts.draft()
            with whole_hdf5(draft) as new:
                write_columns(new.file, None, fresh)
            self._parts.add(draft)
            return
        path = Path(str(self.path))
        with ExitStack() as stack:
            old = stack.enter_context(h5py.File(path, "r")) if self._rows else None
            new = stack.enter_context(whole_hdf5(path))
            write_columns(new.file, old, fresh)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "key.json"
        if not path.exists():
            body = {"kind": "text", "key": asdict(self.key), "provenance": self.provenance}
            replace_file(path, json.dumps(body, indent=1, sort_keys=True).encode())

    def _damaged(self, path: Path) -> CacheIntegrityError:
        where: Place = path
        if self._parts is not None:
            where = self._parts.origin(path)
            path.unlink(missing_ok=True)
        return CacheIntegrityError(
            f"cached sentences are damaged: {where}; delete the file and run fsrvos features"
        )


def _faults(path: Path) -> list[str]:
    """Faults of one HDF5 file, every byte read: none, or one line."""
    try:
        with h5py.File(path, "r") as file:
            for name in COLUMNS:
                for start in range(0, len(file[name]), _ROWS_AT_ONCE):
                    file[name][start : start + _ROWS_AT_ONCE]
    except (OSError, KeyError) as error:
        return [f"{path.name}: {error}"]
    return []


def _checked(pair: States, width: int) -> States:
    tokens, sentence = (np.asarray(part, dtype=np.float32) for part in pair)
    if tokens.ndim != 2 or tokens.shape[1] != width or sentence.shape != (width,):
        raise ValueError(f"states of {tokens.shape} and {sentence.shape}: width is {width}")
    if not (np.isfinite(tokens).all() and np.isfinite(sentence).all()):
        raise ValueError("text states hold NaN or infinity")
    return tokens, sentence


def read_rows(group: Any) -> dict[str, tuple[int, int, int]]:
    """Of each sentence in an HDF5 group: its row, and where its tokens start and end."""
    letters = group["text"][:].tobytes()
    texts = [letters[a:b].decode() for a, b in pairwise([0, *group["text_ends"][:].tolist()])]
    spans = pairwise([0, *group["ends"][:].tolist()])
    rows = zip(texts, spans, strict=True)
    return {text: (row, start, end) for row, (text, (start, end)) in enumerate(rows)}


def write_columns(new: Any, old: Any, fresh: Mapping[str, States]) -> None:
    """Fill an HDF5 group with the columns of an old one (or None), then fresh sentences."""
    letters = [text.encode() for text in fresh]
    tokens = [states for states, _ in fresh.values()]
    width = len(next(iter(fresh.values()))[1]) if fresh else old["sentence"].shape[1]
    columns = {
        "tokens": np.concatenate(
            [np.empty((0, width), np.float32), *(t for t, _ in fresh.values())]
        ),
        "sentence": np.array([s for _, s in fresh.values()], np.float32).reshape(-1, width),
        "ends": _ends([len(states) for states in tokens], old and old["ends"]),
        "text": np.frombuffer(b"".join(letters), np.uint8),
        "text_ends": _ends([len(text) for text in letters], old and old["text_ends"]),
    }
    for name, data in columns.items():
        before = len(old[name]) if old else 0
        shape = (before + len(data), *data.shape[1:])
        # A chunked data set may not be empty: only "" cached leaves no letters.
        filtered = {"chunks": True, "fletcher32": True} if shape[0] else {}
        column = new.create_dataset(name, shape=shape, dtype=data.dtype, **filtered)
        for start in range(0, before, _ROWS_AT_ONCE):
            end = min(start + _ROWS_AT_ONCE, before)
            column[start:end] = old[name][start:end]
        if len(data):
            column[before:] = data


def _ends(lengths: Sequence[int], before: Any) -> NDArray[np.int64]:
    """Running ends of pieces that follow those ending at before[-1]."""
    start = int(before[-1]) if before is not None and len(before) else 0
    return np.cumsum(np.array(lengths, dtype=np.int64)) + start
