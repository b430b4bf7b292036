"""The judgement of masks tuned on the support itself.

A support frame that is left out is a question whose answer is known: the other frames are its
support. How well the candidate masks of such questions overlap the object tells the judge of masks
(`MaskQuality`) what this kind's good masks look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.comparison.cutting import Candidates, MaskQuality, chosen_cut

STEPS, RATE, DECAY = 40, 1e-3, 1e-2  # of AdamW
GAIN = 0.01  # of the overlap, below which what was tuned is not kept


@dataclass(frozen=True)
class Question:
    """A clip whose object is known. traits: [K, F] of the candidates; first: [T, h, w], the first
    look on their grid; overlap: [K] in [0, 1], of each with the object."""

    candidates: Candidates
    first: Tensor
    traits: Tensor
    overlap: Tensor


@dataclass(frozen=True)
class Adapted:
    """quality: tuned on all questions; before, after: mean overlap of the masks chosen for
    questions that were left out of the tuning."""

    quality: MaskQuality
    before: float
    after: float

    @property
    def kept(self) -> bool:
        """Whether it is worth having."""
        return self.after >= self.before + GAIN


def adapt(quality: MaskQuality, questions: Sequence[Question]) -> Adapted:
    """Tune a copy. Each question is asked of a copy that was tuned on the others; of a single one,
    nothing is known, and `after` is `before`."""
    before = [overlap_chosen(quality, question) for question in questions]
    after = before
    if len(questions) > 1:
        after = [
            overlap_chosen(tuned(quality, [q for q in questions if q is not asked]), asked)
            for asked in questions
        ]
    mean = [sum(found) / max(1, len(found)) for found in (before, after)]
    return Adapted(tuned(quality, questions), *mean)


def tuned(quality: MaskQuality, questions: Sequence[Question]) -> MaskQuality:
    """A copy after `STEPS` steps on all questions, in evaluation mode."""
    copy = deepcopy(quality).eval()
    optimizer = torch.optim.AdamW(copy.judge.parameters(), RATE, weight_decay=DECAY)
    with torch.enable_grad():
        for _ in range(STEPS):
            terms = [
                F.binary_cross_entropy_with_logits(copy(question.traits), question.overlap)
                for question in questions
            ]
            optimizer.zero_grad()
            torch.stack(terms).mean().backward()
            optimizer.step()
    return copy


@torch.no_grad()
def overlap_chosen(quality: MaskQuality, question: Question) -> float:
    """Of the mask that would be chosen, with the object."""
    foretold = quality(question.traits).sigmoid()
    return float(question.overlap[chosen_cut(question.candidates, question.first, foretold)])
