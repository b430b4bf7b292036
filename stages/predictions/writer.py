"""Writing the predictions file: streaming, and whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from configs.errors import FsrvosError
from stages.predictions.records import CONDITIONS, Prediction

_CHUNK_BYTES = 1 << 20


class PredictionWriter:
    """Writes a predictions file, whole or not at all::

        with PredictionWriter(run / "predictions.h5", meta) as writer:
            writer.add(Prediction(EpisodeKey("model", 0, 0), info, masks, presence))

    Leaving the block normally syncs and renames; leaving it by an exception removes everything.
    Raises FsrvosError when the folder cannot be written or the disk is full, ValueError when a
    prediction contradicts itself (that is the caller's mistake).
    """

    def __init__(self, path: Path, meta: Mapping[str, Any]) -> None:
        self._path = Path(path)
        self._partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        self._meta = json.dumps(dict(meta), sort_keys=True)
        self._file: h5py.File | None = None

    def __enter__(self) -> PredictionWriter:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = h5py.File(self._partial, "w", libver="latest")
            self._file.attrs["meta"] = self._meta
        except OSError as error:
            self._abandon()
            raise _write_failure(self._path, error) from error
        return self

    def add(self, prediction: Prediction) -> None:
        """Append one episode. Nothing of it is kept in memory."""
        if self._file is None:
            raise ValueError("PredictionWriter.add outside its with block")
        _check(prediction)
        packed = np.packbits(prediction.masks, axis=-1)
        frames, rows, row_bytes = packed.shape
        chunk = max(1, min(frames, _CHUNK_BYTES // (rows * row_bytes)))
        try:
            group = self._file.create_group(prediction.key.group)
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
        except (OSError, RuntimeError) as error:
            raise _write_failure(self._path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            assert self._file is not None
            self._file.close()
            with self._partial.open("r+b") as written:
                os.fsync(written.fileno())
            self._partial.replace(self._path)
            _sync_folder(self._path.parent)
        except (OSError, RuntimeError) as failure:
            self._abandon()
            raise _write_failure(self._path, failure) from failure

    def _abandon(self) -> None:
        # On a full disk closing cannot flush, and the file goes away anyway.
        with suppress(OSError, RuntimeError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):  # the folder itself may be what is wrong
            self._partial.unlink(missing_ok=True)


def _check(prediction: Prediction) -> None:
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


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; some file systems do not support it on folders."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_failure(path: Path, error: Exception) -> FsrvosError:
    reason = getattr(error, "strerror", None) or first_line(error)
    return FsrvosError(
        f"{path}: cannot be written ({reason}); free some space or choose another folder"
    )


def first_line(error: Exception) -> str:
    """The first line of an error's text, for messages that must fit on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
