"""Every instance that fits: which of a video's objects pass, and the ids they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from stages.predicting.following import Judged, JudgedFrame

SAME = 0.7  # overlap of two masks from which they are taken for one object
MOST = 255  # ids that an indexed PNG holds beside the background


@dataclass(frozen=True)
class Picked:
    """An object of a frame that is shown, the number it goes by, and its score in [0, 1]."""

    number: int
    judged: Judged
    score: float


class Instances:
    """Picks, frame by frame, the objects that are described and shown with a score of `threshold`.

    An object's score is the less likely of two things, in [0, 1]: that it is what the sentence
    describes, judged by all of the video up to there, and that this frame shows it. Ids count from
    1 in the order in which objects first pass, and stay. shown: the probability that a frame shows
    an object, of the network's logit.
    """

    def __init__(self, threshold: float, shown: Callable[[float], float] | None = None) -> None:
        self.threshold = threshold
        self._shown = shown or likely
        self._ids: dict[int, int] = {}

    def of(self, said: JudgedFrame) -> list[Picked]:
        """Those of the next frame by their ids; of two that cover each other, the surer."""
        scores = {number: self.score(judged) for number, judged in said.objects.items()}
        kept: list[Picked] = []
        for number in sorted(scores, key=lambda number: (-scores[number], number)):
            judged = said.objects[number]
            if scores[number] < self.threshold or not bool((judged.masks > 0).any()):
                continue
            if any(overlap(judged, other.judged) >= SAME for other in kept):
                continue
            if number in self._ids or len(self._ids) < MOST:
                own = self._ids.setdefault(number, len(self._ids) + 1)
                kept.append(Picked(own, judged, scores[number]))
        return sorted(kept, key=lambda one: one.number)

    def score(self, judged: Judged) -> float:
        """That an object is described and shown, in [0, 1]."""
        return min(likely(judged.score), self._shown(judged.presence))


def overlap(one: Judged, other: Judged) -> float:
    """Of two masks: cells of both over cells of either."""
    first, second = one.masks > 0, other.masks > 0
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 0.0


def likely(logit: float) -> float:
    """Probability of a logit."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
