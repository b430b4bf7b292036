"""From windows to frames: each frame once, with what the windows that see it say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from stages.model.inputs import Support, Words
from stages.model.prediction import Followed
from stages.predicting.answers import Frame
from stages.predicting.segmenter import Segmenter
from stages.predicting.windows import batches, windows

OVERLAP = 2  # frames that a window shares with the next


@dataclass(frozen=True)
class Encoded:
    """A frame RGB [H, W, 3] and its four maps [1, C, h, w]."""

    frame: Frame
    maps: tuple[Tensor, ...]


@dataclass(frozen=True)
class Judged:
    """What is said of one thing in one frame: mask logits [h, w] at the network's mask stride,
    and logits that the frame shows it and that it is the described one."""

    masks: Tensor
    presence: float
    score: float = 0.0

    def faded(self, later: Judged, share: float) -> Judged:
        """On the way to what a later window says: `share` of it."""
        return Judged(
            torch.lerp(self.masks, later.masks, share),
            self.presence + share * (later.presence - self.presence),
            later.score,
        )


@dataclass(frozen=True)
class JudgedFrame:
    """A frame, what is described in it, and the objects of the kind by their numbers."""

    frame: Frame
    described: Judged
    objects: dict[int, Judged]

    def faded(self, later: JudgedFrame, share: float) -> JudgedFrame:
        """As `Judged.faded`, for all in it; an object that one window does not know is the
        other's."""
        objects = self.objects | {
            number: self.objects[number].faded(said, share) if number in self.objects else said
            for number, said in later.objects.items()
        }
        described = self.described.faded(later.described, share)
        return replace(self, described=described, objects=dict(sorted(objects.items())))


def encode_frames(segmenter: Segmenter, frames: Iterable[Frame]) -> Iterator[Encoded]:
    """Frames with their maps, encoded `features.batch_frames` at a time."""
    for batch in batches(frames, segmenter.config.features.batch_frames):
        levels = segmenter.encode(batch)
        for row, frame in enumerate(batch):
            yield Encoded(frame, tuple(level[row : row + 1] for level in levels))


def judge_frames(
    segmenter: Segmenter, frames: Iterable[Encoded], words: Words, support: Support, length: int
) -> Iterator[JudgedFrame]:
    """Every frame once. Where two windows see one, it goes over from the first's to the second's.

    length: frames of a window.
    """
    overlap = min(OVERLAP, length - 1)
    memory: object | None = None
    waiting: list[JudgedFrame] = []  # seen by the next window, too
    for window in windows(frames, length, overlap):
        said = segmenter.follow(
            [encoded.frame for encoded in window],
            [torch.cat(level) for level in zip(*(e.maps for e in window), strict=True)],
            words,
            support,
            memory,
            overlap,
        )
        memory = said.memory
        judged = _by_frame([encoded.frame for encoded in window], said)
        again = len(waiting)
        shared = [
            before.faded(now, (row + 1) / (again + 1))
            for row, (before, now) in enumerate(zip(waiting, judged, strict=False))
        ]
        ready = list(chain(shared, judged[again:]))
        waiting = ready[len(ready) - overlap :] if overlap else []
        yield from ready[: len(ready) - len(waiting)]
    yield from waiting


def _by_frame(frames: Sequence[Frame], said: Followed) -> list[JudgedFrame]:
    return [
        JudgedFrame(
            frame,
            Judged(said.masks[row], float(said.presence[row])),
            {
                found.number: Judged(found.masks[row], float(found.presence[row]), found.score)
                for found in said.objects
            },
        )
        for row, frame in enumerate(frames)
    ]
