"""Sentences as columns of an HDF5 group.

tokens     float32 [sum of L, W]     text       uint8 [sum of bytes], UTF-8
sentence   float32 [N, W]            text_ends  int64 [N], where each sentence's letters end
ends       int64 [N], the row where each sentence's tokens end

Every data set has a Fletcher-32 checksum.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

States = tuple[NDArray[np.float32], NDArray[np.float32]]
COLUMNS = ("tokens", "sentence", "ends", "text", "text_ends")
_ROWS_AT_ONCE = 4096


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


def faults_of(path: Path) -> list[str]:
    """Faults of one HDF5 file, every byte read: none, or one line."""
    try:
        with h5py.File(path, "r") as file:
            for name in COLUMNS:
                for start in range(0, len(file[name]), _ROWS_AT_ONCE):
                    file[name][start : start + _ROWS_AT_ONCE]
    except (OSError, KeyError) as error:
        return [f"{path.name}: {error}"]
    return []
