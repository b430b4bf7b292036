"""Cached sentences: token states and sentence states in an HDF5 file a key.

    <root>/<key digest>/key.json
                       /text.h5   columns (text_columns.py)

In an object store there are several such files (text_files.py).
"""

import json
import time
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cache.backends import backend_of
from cache.durable import explained
from cache.keys import TextKey
from cache.location import place_of
from cache.objects import Place
from cache.text_columns import States, faults_of, read_rows, write_columns
from cache.text_files import text_files
from cache.users import mark_used
from configs import CacheIntegrityError, MissingError

SENTENCES_KEPT = 2048
_WAIT_SECONDS = 0.05


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
        self._store = text_files(self.folder)
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
            backend = backend_of(self.folder)
            while (claim := backend.try_claim(self.folder, "text.lock")) is None:
                time.sleep(_WAIT_SECONDS)
            try:
                self._refresh()
                fresh = {text: pair for text, pair in fresh.items() if text not in self._rows}
                if fresh:
                    self._store.add(fresh)
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
        try:
            path = self._store.present(path)
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
        with self._store.anew() as files:
            return [fault for path in files for fault in faults_of(path)]

    @property
    def nbytes(self) -> int:
        """What the sentences take on the disk or in the store."""
        return sum(path.stat().st_size for path in self._store.files())

    def copy_into(self, group: Any) -> None:
        """Write all sentences, of which there are some, to an HDF5 group."""
        self._refresh()
        files = self._store.files()
        if len(files) == 1:
            with h5py.File(files[0], "r") as file:
                write_columns(group, file, {})
        else:
            write_columns(group, None, {text: self.read(text) for text in self._rows})

    def _refresh(self) -> None:
        """Read the list of sentences when the files are not those last seen."""
        stats = [(path, path.stat()) for path in self._store.files()]
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

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "key.json"
        if not path.exists():
            body = {"kind": "text", "key": asdict(self.key), "provenance": self.provenance}
            backend_of(path).replace(path, json.dumps(body, indent=1, sort_keys=True).encode())

    def _damaged(self, path: Path) -> CacheIntegrityError:
        where = self._store.disown(path)
        return CacheIntegrityError(
            f"cached sentences are damaged: {where}; delete the file and run fsrvos features"
        )


def _checked(pair: States, width: int) -> States:
    tokens, sentence = (np.asarray(part, dtype=np.float32) for part in pair)
    if tokens.ndim != 2 or tokens.shape[1] != width or sentence.shape != (width,):
        raise ValueError(f"states of {tokens.shape} and {sentence.shape}: width is {width}")
    if not (np.isfinite(tokens).all() and np.isfinite(sentence).all()):
        raise ValueError("text states hold NaN or infinity")
    return tokens, sentence
