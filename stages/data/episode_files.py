"""`fsrvos data episodes`: test episodes as files, for other machines, programs and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.whole import whole_folder
from configs.errors import MissingError, UsageError
from stages.data.dataset import Dataset
from stages.data.episodes import test_episodes, write_manifest

NAMES = tuple(f"seed{seed}.json" for seed in range(1000))


@dataclass(frozen=True)
class EpisodeFiles:
    """What was written: the folder, and each seed's number of episodes and digest.

    ``repeated`` counts episodes whose support video has fewer frames than shots, so that its last
    frame is shown several times.
    """

    folder: Path
    fold: int
    shots: int
    episodes: Mapping[int, int]
    digests: Mapping[int, str]
    repeated: int

    def table(self) -> str:
        """A line a seed."""
        head = f"{self.folder}: fold {self.fold}, {self.shots} support frames"
        lines = [
            f"  seed{s}.json  {self.episodes[s]} episodes  {self.digests[s]}" for s in self.episodes
        ]
        if self.repeated:
            lines.append(f"  {self.repeated} supports have fewer frames and repeat their last one")
        return "\n".join([head, *lines])

    def to_json(self) -> dict[str, Any]:
        """Plain values for --json."""
        return {**vars(self), "folder": str(self.folder)}


def write_episodes(
    dataset: Dataset,
    folder: Path,
    *,
    fold: int,
    seeds: int = 5,
    shots: int = 5,
    per_category: int = 0,
    every_object: bool = False,
) -> EpisodeFiles:
    """Draw the test episodes of a fold into ``folder/seed<k>.json``, the folder whole or absent.

    Args:
        dataset: of which the episodes are.
        folder: a new one, or of former files.
        fold: whose test categories are asked for.
        seeds: drawings of the support.
        shots: support frames of each episode.
        per_category, every_object: as `test_episodes`.

    Raises UsageError (unknown fold, the folder holds anything else) or DataError (too few videos).
    """
    counts, digests, repeated = {}, {}, 0
    with whole_folder(folder, NAMES) as partial:
        for seed in range(seeds):
            drawn = test_episodes(dataset, fold, seed, shots, per_category, every_object)
            path = partial / f"seed{seed}.json"
            digests[seed] = write_manifest(path, dataset, drawn, fold=fold, seed=seed)
            counts[seed] = len(drawn)
            repeated += sum(len(set(e.support.frames)) < shots for e in drawn)
    return EpisodeFiles(folder, fold, shots, counts, digests, repeated)


def find_episodes(places: Sequence[Path]) -> list[Path]:
    """The files that `places` name: themselves, or all ``seed<k>.json`` of a folder.

    Raises MissingError where a place holds none, UsageError where one is named twice.
    """
    found: list[Path] = []
    for place in places:
        named = sorted(place.glob("seed*.json")) if place.is_dir() else [place]
        if not named:
            raise MissingError(f"{place}: holds no seed<k>.json; write some: fsrvos data episodes")
        found += named
    twice = next((path for path in found if found.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; name it once")
    return found
