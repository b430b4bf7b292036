"""Several datasets as one, to train a network on all of them.

A video is called by its dataset's number and its own name, `1/dog_001`. Kinds are one by name, so
that a kind held out is held out of all sets, but support and query of an episode come from the same
set: a drawing is no support for a photograph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from configs.errors import UsageError
from stages.data.dataset import Dataset, Video
from stages.data.index import load_dataset


class JoinedDataset(Dataset):
    """Reads through to its parts."""

    def __init__(self, parts: Sequence[Dataset]) -> None:
        self.parts = tuple(parts)
        categories = dict.fromkeys(name for part in parts for name in part.categories)
        videos = [
            _renamed(video, joined_name(number, video.id))
            for number, part in enumerate(parts)
            for video in part.videos.values()
        ]
        super().__init__(parts[0].root, categories, videos)

    def unrelated(self, video: str, others: Iterable[str]) -> list[str]:
        """Those of `others` in the video's own dataset that share no picture with it."""
        part, own = self.part_of(video)
        prefix = joined_name(self.parts.index(part), "")
        inside = [other.removeprefix(prefix) for other in others if other.startswith(prefix)]
        return [prefix + other for other in part.unrelated(own, inside)]

    def frame_path(self, video: str, frame: str) -> Path:
        """Where the image of the frame named `frame` lies."""
        part, own = self.part_of(video)
        return part.frame_path(own, frame)

    def mask_path(self, video: str, frame: str) -> Path:
        """Where the mask of the frame named `frame` lies."""
        part, own = self.part_of(video)
        return part.mask_path(own, frame)

    def part_of(self, video: str) -> tuple[Dataset, str]:
        """The dataset of a video, and what it is called there."""
        number, _, own = video.partition("/")
        return self.parts[int(number)], own


def load_datasets(roots: Sequence[Path]) -> Dataset:
    """One dataset, or several as one. Raises what `load_dataset` does, UsageError for none."""
    if not roots:
        raise UsageError("no dataset is named; give at least one with --data")
    parts = [load_dataset(root) for root in roots]
    return parts[0] if len(parts) == 1 else JoinedDataset(parts)


def joined_name(number: int, video: str) -> str:
    """What a video of dataset `number` is called among all."""
    return f"{number}/{video}"


def _renamed(video: Video, name: str) -> Video:
    expressions = tuple(replace(said, video=name) for said in video.expressions)
    return replace(video, id=name, expressions=expressions)
