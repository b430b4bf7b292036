"""A batch in parts whose gradients add up to its own: what memory holds is one part's work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from stages.feeding.batches import EpisodeBatch
from stages.model.inputs import FramePyramid, Words


def split(batch: EpisodeBatch, parts: int) -> list[EpisodeBatch]:
    """About equally many rows each, twins together; fewer parts where there are not as many."""
    second = {later for _, later in batch.twins}
    starts = [row for row in range(len(batch.query.size)) if row not in second]
    ends = [*starts[1:], len(batch.query.size)]
    groups = np.array_split(np.arange(len(starts)), min(parts, len(starts)))
    return [rows_of(batch, slice(starts[g[0]], ends[g[-1]])) for g in groups]


def rows_of(batch: EpisodeBatch, rows: slice) -> EpisodeBatch:
    """Consecutive rows of a batch, on the canvas that all of it lies on."""
    inside = range(rows.start, rows.stop)
    twins = [tuple(row - rows.start for row in pair) for pair in batch.twins if pair[0] in inside]
    support = batch.support
    return EpisodeBatch(
        query=_frames(batch.query, rows),
        words=_words(batch.words, rows),
        support=replace(
            support,
            frames=_frames(support.frames, rows),
            words=_words(support.words, rows),
            masks=support.masks[rows],
        ),
        targets=_of(batch.targets, rows),
        kind=_of(batch.kind, rows),
        twins=tuple((first, second) for first, second in twins),
    )


def _of(tensor: Tensor | None, rows: slice) -> Tensor | None:
    return None if tensor is None else tensor[rows]


def _frames(frames: FramePyramid, rows: slice) -> FramePyramid:
    first, second, third, fourth = (level[rows] for level in frames.maps)
    maps = (first, second, third, fourth)
    return FramePyramid(maps, frames.size[rows], _of(frames.padding, rows))


def _words(words: Words, rows: slice) -> Words:
    return Words(words.tokens[rows], words.sentence[rows], _of(words.padding, rows))
