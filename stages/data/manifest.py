"""Test episodes as a JSON file, so that two runs or two programs score the same ones.

Frames are written by name and objects by id: a manifest can be read without this program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import DataError
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.files import mapping, read_json, write_json

SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """One drawing of test episodes, and what names it: `digest` as `manifest_digest`."""

    fold: int
    seed: int
    digest: str
    episodes: tuple[Episode, ...]

    @property
    def shots(self) -> frozenset[int]:
        """Numbers of support frames that its episodes have."""
        return frozenset(len(episode.support.frames) for episode in self.episodes)


def manifest_digest(dataset: Dataset, episodes: Sequence[Episode]) -> str:
    """sha256 over the canonical JSON of the episodes: names, ids and texts, no folder names."""
    return _digest([_entry(dataset, episode) for episode in episodes])


def write_manifest(
    path: Path, dataset: Dataset, episodes: Sequence[Episode], *, fold: int, seed: int
) -> str:
    """Write the episodes of one seed, whole or not at all; gives their digest."""
    entries = [_entry(dataset, episode) for episode in episodes]
    digest = _digest(entries)
    head = {"schema": SCHEMA, "fold": fold, "seed": seed, "digest": digest}
    write_json(path, {**head, "episodes": entries})
    return digest


def read_manifest(path: Path, dataset: Dataset) -> Manifest:
    """A manifest, checked against `dataset` and the stored digest.

    Raises MissingError (no file) or DataError (malformed, edited, or of another dataset).
    """
    content = mapping(read_json(path), str(path))
    if content.get("schema") != SCHEMA:
        raise DataError(f"{path}: not a manifest of schema {SCHEMA}; write it again")
    entries = content.get("episodes")
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: lists no episodes; write it again")
    if _digest(entries) != content.get("digest"):
        raise DataError(f"{path}: the episodes do not match the digest; write it again")
    fold, seed = content.get("fold"), content.get("seed")
    if not isinstance(fold, int) or not isinstance(seed, int) or seed < 0:
        raise DataError(f"{path}: names no fold and seed; write it again")
    episodes = []
    for number, entry in enumerate(entries):
        where = f"{path}: episode {number}"
        entry = mapping(entry, where)
        episodes.append(
            Episode(
                query=_clip(dataset, entry.get("query"), f"{where}: query"),
                support=_clip(dataset, entry.get("support"), f"{where}: support"),
                category=str(entry.get("category")),
            )
        )
    return Manifest(fold, seed, str(content["digest"]), tuple(episodes))


def _digest(entries: list[Any]) -> str:
    text = json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _entry(dataset: Dataset, episode: Episode) -> dict[str, Any]:
    return {
        "category": episode.category,
        "query": _clip_entry(dataset, episode.query),
        "support": _clip_entry(dataset, episode.support),
    }


def _clip_entry(dataset: Dataset, clip: Clip) -> dict[str, Any]:
    names = dataset.videos[clip.video].frames
    return {
        "video": clip.video,
        "expression": clip.expression.id,
        "object": clip.expression.object_id,
        "text": clip.expression.text,
        "frames": [names[i] for i in clip.frames],
    }


def _clip(dataset: Dataset, value: Any, where: str) -> Clip:
    """A clip of `dataset`; DataError when the dataset says otherwise."""
    entry = mapping(value, where)
    expression = dataset.expression(str(entry.get("video")), str(entry.get("expression")))
    if (expression.text, expression.object_id) != (entry.get("text"), entry.get("object")):
        raise DataError(
            f"{where}: expression {expression.id!r} of {expression.video!r} differs from the "
            "dataset's; use the dataset that the manifest was made from"
        )
    numbers = {name: i for i, name in enumerate(dataset.videos[expression.video].frames)}
    frames = entry.get("frames")
    if not isinstance(frames, list) or not frames or any(f not in numbers for f in frames):
        raise DataError(f"{where}: frames are not those of video {expression.video!r}")
    return Clip(expression.video, expression, tuple(numbers[f] for f in frames))
