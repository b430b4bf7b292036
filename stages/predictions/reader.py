"""Reading the predictions file; whatever is wrong with it becomes one line."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from configs.errors import DataError, MissingError
from stages.predictions.records import EpisodeInfo, EpisodeKey, EpisodePrediction
from stages.predictions.writer import first_line

_SEED = re.compile(r"seed(\d+)\Z")
_AGAIN = "evaluate the run again"


def read_meta(path: Path) -> dict[str, Any]:
    """The provenance that ``evaluate`` wrote. Raises MissingError or DataError, one line each."""
    with _open(path) as file:
        return _meta(path, file)


def list_episodes(
    path: Path, conditions: Collection[str] | None = None
) -> list[tuple[EpisodeKey, EpisodeInfo]]:
    """Every episode without its masks, sorted by condition, seed and number.

    Reads attributes only, so planning the work for a large file costs little.
    """
    with _open(path) as file:
        keys = _keys(path, file, conditions)
        return [(key, _info(path, key, _group(path, file, key))) for key in keys]


def read_predictions(
    path: Path,
    conditions: Collection[str] | None = None,
    episodes: Collection[tuple[EpisodeKey, EpisodeInfo]] | None = None,
) -> Iterator[EpisodePrediction]:
    """Yield predictions one at a time: of some conditions, or some of what `list_episodes` gave,
    or all.

    Raises MissingError when there is no such file, DataError when it is truncated, malformed or
    its checksums do not hold.
    """
    with _open(path) as file:
        if episodes is not None:
            for key, info in episodes:
                yield _read(path, key, info, _group(path, file, key))
            return
        for key in _keys(path, file, conditions):
            group = _group(path, file, key)
            yield _read(path, key, _info(path, key, group), group)


def _open(path: Path) -> h5py.File:
    if not Path(path).is_file():
        raise MissingError(f"{path}: no such predictions file; evaluate a run first")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(
            f"{path}: not a whole predictions file (truncated, or not HDF5); {_AGAIN}"
        ) from error


def _meta(path: Path, file: h5py.File) -> dict[str, Any]:
    try:
        meta = json.loads(file.attrs["meta"])
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f'{path}: its "meta" attribute is missing or not JSON; {_AGAIN}') from error
    if not isinstance(meta, dict):
        raise DataError(f'{path}: its "meta" attribute is not a JSON object; {_AGAIN}')
    return meta


def _keys(path: Path, file: h5py.File, conditions: Collection[str] | None) -> list[EpisodeKey]:
    keys = []
    try:
        for condition in file:
            if conditions is not None and condition not in conditions:
                continue
            for seed in file[condition]:
                match = _SEED.match(seed)
                if match is None:
                    raise ValueError(f"/{condition}/{seed}")
                for episode in file[condition][seed]:
                    keys.append(EpisodeKey(condition, int(match.group(1)), int(episode)))
    except (KeyError, OSError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: unexpected layout ({first_line(error)}); {_AGAIN}") from error
    return sorted(keys)


def _group(path: Path, file: h5py.File, key: EpisodeKey) -> h5py.Group:
    try:
        return file[key.group]
    except (KeyError, OSError, RuntimeError) as error:
        raise DataError(f"{path}: no episode /{key.group}; {_AGAIN}") from error


def _read(path: Path, key: EpisodeKey, info: EpisodeInfo, group: h5py.Group) -> EpisodePrediction:
    try:
        packed = group["masks"][()]
        presence = group["presence"][()].astype(np.float32)
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: /{key.group} cannot be read (missing or damaged); {_AGAIN}"
        ) from error
    frames = len(info.frames)
    expected = (frames, info.height, -(-info.width // 8))
    if packed.shape != expected or packed.dtype != np.uint8 or presence.shape != (frames,):
        raise DataError(
            f"{path}: /{key.group} has masks {packed.shape} and presence {presence.shape} where "
            f"{expected} and ({frames},) are due; {_AGAIN}"
        )
    masks = np.unpackbits(packed, axis=-1, count=info.width).view(np.bool_)
    return EpisodePrediction(key, info, masks, presence)


def _info(path: Path, key: EpisodeKey, group: h5py.Group) -> EpisodeInfo:
    try:
        fields = json.loads(group.attrs["info"])
        for name in ("frames", "support_frames"):
            fields[name] = _names(fields.get(name, []))
        info = EpisodeInfo(**fields)
        if min(info.height, info.width, info.object_id) < 1 or not info.frames:
            raise ValueError("a size, an object id or the frames are not positive")
    except (KeyError, OSError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f'{path}: the "info" of /{key.group} is missing or malformed '
            f"({first_line(error)}); {_AGAIN}"
        ) from error
    return info


def _names(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("frames is not a list of names")
    return tuple(names)
