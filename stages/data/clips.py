"""Clips and episodes as values, and the draws that every kind of episode shares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.errors import DataError
from stages.data.cell_views import WHOLE, CellView
from stages.data.dataset import Dataset, Expression
from stages.data.sides import swap_sides
from stages.data.views import PLAIN, View

Draw = np.random.Generator


@dataclass(frozen=True)
class Clip:
    """Frame numbers of one video (positions in `Video.frames`) and the sentence for them.

    view: how its frames are seen; cells: what is done to their maps afterwards.
    """

    video: str
    expression: Expression
    frames: tuple[int, ...]
    view: View = PLAIN
    cells: CellView = WHOLE

    def told(self, text: str) -> str:
        """What a sentence about the video says of the clip: mirrored, left is right."""
        return swap_sides(text) if self.view.flip != self.cells.flip else text


@dataclass(frozen=True)
class Episode:
    """Segment the query's sentence, given the support's masks.

    `category` is the query's; a control may pair it with a support of another.
    """

    query: Clip
    support: Clip
    category: str


def stable_number(*parts: object) -> int:
    """A 64-bit number from the text of `parts`, the same in every process and version."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def consecutive(length: int, picked: int, count: int) -> tuple[int, ...]:
    """`count` consecutive frame numbers ending at `picked`, of a video of `length` frames.

    A pick nearer than `count` to the start takes the first `count`; a shorter video gives all its
    frames with the last one repeated. This is the authors' rule.
    """
    if not 0 <= picked < length or count < 1:
        raise ValueError(f"cannot take {count} frames at {picked} of {length}")
    first = 0 if picked < count else picked - count + 1
    return tuple(min(first + i, length - 1) for i in range(count))


def draw_window(length: int, count: int, rng: Draw) -> tuple[int, ...]:
    """A window by the authors' rule, from one uniform draw."""
    return consecutive(length, int(rng.integers(length)), count)


def draw_clip(
    dataset: Dataset, video: str, expressions: Sequence[Expression], count: int, rng: Draw
) -> Clip | None:
    """A random expression and window in which its object shows in at least one frame.

    The authors draw once and may get a clip without its object. Here the draw is repeated over
    the remaining expressions and windows; None when no object shows anywhere.
    """
    length = len(dataset.videos[video].frames)
    for i in rng.permutation(len(expressions)):
        expression = expressions[int(i)]
        first = draw_window(length, count, rng)
        rest = [consecutive(length, int(p), count) for p in rng.permutation(length)]
        for frames in (first, *rest):
            if any(expression.object_id in dataset.present(video, f) for f in set(frames)):
                return Clip(video, expression, frames)
    return None


def draw_support(
    dataset: Dataset, videos: Sequence[str], category: str, count: int, rng: Draw
) -> Clip:
    """A support clip from one of `videos`, drawn uniformly; DataError when none will do."""
    for i in rng.permutation(len(videos)):
        video = videos[int(i)]
        clip = draw_clip(dataset, video, dataset.videos[video].targets, count, rng)
        if clip is not None:
            return clip
    raise DataError(
        f"{dataset.root}: category {category!r} has no video left whose object shows in its masks "
        "and can serve as support; add annotated videos of it"
    )


def twins(dataset: Dataset, expression: Expression) -> tuple[Expression, ...]:
    """Expressions of other objects of the same category in the same video, in listed order."""
    video = dataset.videos[expression.video]
    category = video.objects[expression.object_id]
    return tuple(
        other
        for other in video.expressions
        if other.object_id != expression.object_id and video.objects[other.object_id] == category
    )


def twin(dataset: Dataset, expression: Expression) -> Expression | None:
    """The first of `twins`, or None for an object without one."""
    return next(iter(twins(dataset, expression)), None)
