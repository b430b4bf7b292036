"""Which of a raw dataset's videos a benchmark takes: each choice named, settable and counted.

The paper says which kinds of videos it took and how many there were after each step; which ones it
took, it does not. What is ours here, the report says beside the paper's count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stages.data.builders.raw import RawVideo
from stages.data.clips import stable_number
from stages.data.images import read_ids


@dataclass(frozen=True)
class Choices:
    """What a build is told.

    one_category: leave out videos that show objects of several categories. least_videos: of a
    category, else it is left out. most_videos: of a category, drawn by `seed`; 0 takes all.
    total: where `most_videos` is 0, the largest cap a category under which all of them together
    have no more videos than this; 0 balances nothing. least_frames: of a video, else it is left
    out. drop_absent: leave out frames in which no described object shows. nouns: guess categories
    that a source does not state. several: keep sentences about several objects, as their union.
    """

    one_category: bool = False
    least_videos: int = 2
    most_videos: int = 0
    total: int = 0
    least_frames: int = 1
    drop_absent: bool = False
    nouns: bool = False
    several: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """How many videos a choice left; `paper` is the paper's count where it prints one."""

    said: str
    videos: int
    paper: int | None = None

    def __str__(self) -> str:
        beside = f" (the paper: {self.paper})" if self.paper is not None else ""
        return f"{self.videos} videos{beside} {self.said}"


def keep_one_category(videos: Iterable[RawVideo]) -> list[RawVideo]:
    """Those whose objects are all of one category."""
    return [raw for raw in videos if len(set(raw.video.objects.values())) == 1]


def enough_of_each(videos: Sequence[RawVideo], least: int) -> tuple[list[RawVideo], list[str]]:
    """Those of categories with `least` videos or more, and a line on each that has fewer."""
    counts = Counter(raw.video.category for raw in videos)
    few = sorted(name for name, count in counts.items() if count < least)
    notes = [
        f"class {name!r} left out: {counts[name]} of the {least} videos it needs" for name in few
    ]
    return [raw for raw in videos if counts[raw.video.category] >= least], notes


def cap_for(counts: Sequence[int], total: int) -> int:
    """The largest number of each that leaves no more than `total` in all; at least 2."""
    caps = [cap for cap in range(2, max(counts, default=2) + 1) if _under(counts, cap) <= total]
    return max(caps, default=2)


def balance(videos: Sequence[RawVideo], choices: Choices) -> tuple[list[RawVideo], int]:
    """At most so many videos of each category, in their order; and that number, 0 without one."""
    counts = Counter(raw.video.category for raw in videos)
    cap = choices.most_videos
    if not cap and choices.total and sum(counts.values()) > choices.total:
        cap = cap_for(list(counts.values()), choices.total)
    if not cap:
        return list(videos), 0
    kept = {id for name in counts for id in _drawn(videos, name, cap, choices.seed)}
    return [raw for raw in videos if raw.video.id in kept], cap


def long_enough(videos: Iterable[RawVideo], least: int) -> list[RawVideo]:
    """Those with `least` frames or more."""
    return [raw for raw in videos if len(raw.video.frames) >= least]


def frames_that_show(raw: RawVideo) -> tuple[int, ...]:
    """Numbers of the frames in which an object that a sentence is about shows."""
    wanted = {expression.object_id for expression in raw.video.expressions}
    shown = []
    for index in range(len(raw.video.frames)):
        found = raw.masks(index)
        ids = found if isinstance(found, np.ndarray) else read_ids(found)
        if np.isin(ids, list(wanted)).any():
            shown.append(index)
    return tuple(shown)


@dataclass(frozen=True)
class SomeFrames:
    """The masks, or the pictures, of some frames of a video."""

    of: object
    indices: tuple[int, ...]

    def __call__(self, index: int) -> object:
        return self.of(self.indices[index])  # type: ignore[operator]


def cut_to(raw: RawVideo, indices: tuple[int, ...]) -> RawVideo:
    """A video with those frames alone."""
    if len(indices) == len(raw.video.frames):
        return raw
    names = tuple(raw.video.frames[i] for i in indices)
    images = (
        tuple(raw.images[i] for i in indices)
        if isinstance(raw.images, tuple)
        else SomeFrames(raw.images, indices)
    )
    masks = SomeFrames(raw.masks, indices)
    return RawVideo(replace(raw.video, frames=names), images, masks)  # type: ignore[arg-type]


def _under(counts: Sequence[int], cap: int) -> int:
    return sum(min(count, cap) for count in counts)


def _drawn(videos: Sequence[RawVideo], category: str, cap: int, seed: int) -> list[str]:
    """`cap` videos of a category: those of the lowest numbers that hang on seed and name alone."""
    own = [raw.video.id for raw in videos if raw.video.category == category]
    return sorted(own, key=lambda id: stable_number("build", seed, id))[:cap]
