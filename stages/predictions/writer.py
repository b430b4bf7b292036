"""Writing the predictions file: streaming, and whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cache.hdf5 import Draft, whole_hdf5
from stages.predictions.records import CONDITIONS, EpisodePrediction

_CHUNK_BYTES = 1 << 20


class PredictionWriter:
    """Writes a predictions file, whole or not at all::

        with PredictionWriter(run / "predictions.h5", meta) as writer:
            writer.add(EpisodePrediction(EpisodeKey("model", 0, 0), info, masks, presence))

    Leaving the block normally syncs and renames; leaving it by an exception removes everything.
    Raises FsrvosError when the folder cannot be written or the disk is full, ValueError when a
    prediction contradicts itself (that is the caller's mistake).
    """

    def __init__(self, path: Path, meta: Mapping[str, Any]) -> None:
        self._path = Path(path)
        self._meta = json.dumps(dict(meta), sort_keys=True)
        self._stack = ExitStack()
        self._draft: Draft | None = None

    def __enter__(self) -> PredictionWriter:
        self._draft = self._stack.enter_context(whole_hdf5(self._path, libver="latest"))
        self._draft.file.attrs["meta"] = self._meta
        return self

    def add(self, prediction: EpisodePrediction) -> None:
        """Append one episode. Nothing of it is kept in memory."""
        if self._draft is None:
            raise ValueError("PredictionWriter.add outside its with block")
        _check(prediction)
        packed = np.packbits(prediction.masks, axis=-1)
        frames, rows, row_bytes = packed.shape
        chunk = max(1, min(frames, _CHUNK_BYTES // (rows * row_bytes)))
        group = self._draft.file.create_group(prediction.key.group)
        group.create_dataset(
            "masks",
            data=packed,
            chunks=(chunk, rows, row_bytes),
            compression="gzip",
            compression_opts=1,
            fletcher32=True,
        )
        group.create_dataset("presence", data=prediction.presence.astype(np.float32))
        group.attrs["info"] = json.dumps(asdict(prediction.info), ensure_ascii=False)
        self._draft.settle()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _check(prediction: EpisodePrediction) -> None:
    info = prediction.info
    shape = (len(info.frames), info.height, info.width)
    if prediction.key.condition not in CONDITIONS:
        raise ValueError(f"condition {prediction.key.condition!r} is none of {CONDITIONS}")
    if not info.frames or min(shape) < 1:
        raise ValueError(f"an episode needs frames and pixels, got {shape}")
    if prediction.masks.dtype != np.bool_ or prediction.masks.shape != shape:
        raise ValueError(
            f"masks {prediction.masks.dtype} {prediction.masks.shape}, want bool {shape}"
        )
    if prediction.presence.shape != (shape[0],):
        raise ValueError(f"presence {prediction.presence.shape}, want ({shape[0]},)")


def first_line(error: Exception) -> str:
    """The first line of an error's text, for messages that must fit on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
