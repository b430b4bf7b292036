"""What the comparing network is taught: the kind from the support, the object from the sentence.

    loss = described object + objects / 2 + twins + quality

A mask term is 0.3 BCE + 2 (1 - soft IoU) over a clip's cells, BCE alone where nothing is to be
found. More BCE would make cells say how likely they are of the object, which for a kind never seen
is seldom above a half, and masks cut at a half would be empty; the overlap is what is scored.
The kind's truth is every object of the support's kind, so that the first part is not blamed for
what only the sentence can know; where the support is of a kind that the clip does not show, both
truths are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.comparison.clips import QueryClip
from stages.model.comparison.cutting import overlaps
from stages.model.comparison.ridge import OBJECT_SHARE
from stages.model.inputs import Words
from stages.model.losses import cells_of, told_apart
from stages.model.prediction import Losses, Prediction, Truth

ENTROPY, OVERLAP = 0.3, 2.0  # of a mask term
OBJECTS = 0.5  # weight of a term


@dataclass(frozen=True)
class ScoredObjects:
    """Objects of clip `row`: cells of each, [N, T, h, w] of 0 and 1 at stride 8, scores [N]."""

    row: int
    shares: Tensor
    scores: Tensor


@dataclass(frozen=True)
class JudgedMasks:
    """K masks of a clip, [K, T, h, w] bool at stride 8, and logits [K] of their overlap with the
    kind."""

    inside: Tensor
    overlap: Tensor


@dataclass(frozen=True)
class ComparedPrediction(Prediction):
    """What is said of the kind beside the described object.

    Attributes:
        kind: [B, T, h, w] mask logits of everything of the support's kind, at stride 4.
        coarse: [B, T, h', w'] the same at stride 8.
        clips, words: what was compared, where the losses are to read it.
        objects: what the sentence chose among, of the clips where something was found.
        sure: [B], logits that a clip shows the support's kind.
        judged: of each clip, the masks that were judged, or None.
    """

    kind: Tensor
    coarse: Tensor
    clips: tuple[QueryClip, ...]
    words: Words
    objects: tuple[ScoredObjects, ...]
    sure: Tensor
    judged: tuple[JudgedMasks | None, ...]


def comparison_losses(
    prediction: ComparedPrediction,
    truth: Truth,
    objects: Sequence[ScoredObjects],
    twin_weight: float,
) -> Losses:
    """All terms; each is a mean over clips. objects: how the sentence chose among those found, and
    among the true ones."""
    grid, coarse_grid = prediction.kind.shape[-2:], prediction.coarse.shape[-2:]
    masks, described = prediction.masks[:, :, 0].float(), covered(truth.masks, grid)
    known = meant(objects, covered(truth.masks, coarse_grid))
    terms = {
        "loss_mask": mask_term(masks, described),
        "loss_objects": objects_term(known) if known else masks.new_zeros(()),
    }
    counts = {"loss_objects": (OBJECTS, masks.new_tensor(len(known)))}
    judged = [(row, masks) for row, masks in enumerate(prediction.judged) if masks is not None]
    if judged:
        terms["loss_quality"] = quality_term(judged, covered(truth.kind, coarse_grid))
        counts["loss_quality"] = 1.0, masks.new_tensor(len(judged))
    weights = {"loss_objects": OBJECTS}
    if truth.twins:
        terms["loss_twin"] = told_apart(masks, described, truth.twins)
        weights["loss_twin"] = twin_weight
        counts["loss_twin"] = twin_weight, cells_of(described, truth.twins)
    total = torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
    return Losses(total, terms, counts)


def quality_term(judged: Sequence[tuple[int, JudgedMasks]], kind: Tensor) -> Tensor:
    """Cross-entropy of the overlap (IoU) foretold of each mask and what it is, with the clip's
    share [B, T, h, w] of the kind: 0 where the support is of a kind that the clip does not show."""
    terms = []
    for row, masks in judged:
        height, width = masks.inside.shape[-2:]
        true = overlaps(masks.inside, kind[row, :, :height, :width] > OBJECT_SHARE)
        terms.append(F.binary_cross_entropy_with_logits(masks.overlap, true))
    return torch.stack(terms).mean()


def covered(masks: Tensor, grid: Sequence[int]) -> Tensor:
    """How much of each cell of a grid (h, w) masks [B, T, H, W] cover, in [0, 1].

    The grid's cells are equally large; the canvas ends with the last of them or before.
    """
    height, width = masks.shape[-2:]
    stride = max(-(-height // grid[0]), -(-width // grid[1]))
    padding = (0, grid[1] * stride - width, 0, grid[0] * stride - height)
    return F.avg_pool2d(F.pad(masks.float(), padding), stride)


def mask_term(logits: Tensor, true: Tensor) -> Tensor:
    """0.3 BCE + 2 (1 - soft IoU) of masks [B, T, h, w]; an empty truth has no overlap to reach."""
    share, true_cells = logits.sigmoid().flatten(1), true.flatten(1)
    both = (share * true_cells).sum(-1)
    either = (share + true_cells).sum(-1) - both
    missed = 1 - (both + 1) / (either + 1)
    shown = true_cells.any(-1)
    return (ENTROPY * entropy(logits, true) + OVERLAP * missed * shown).mean()


def entropy(logits: Tensor, true: Tensor) -> Tensor:
    """Binary cross-entropy a clip, [B]."""
    cells = F.binary_cross_entropy_with_logits(logits, true, reduction="none")
    return cells.flatten(1).mean(-1)


def objects_term(known: Sequence[tuple[ScoredObjects, Tensor]]) -> Tensor:
    """Cross-entropy of the choices whose right answer is known, as `meant` gives it; a mean."""
    terms = [
        -(overlap / overlap.sum() * scored.scores.log_softmax(0)).sum() for scored, overlap in known
    ]
    return torch.stack(terms).mean()


def meant(objects: Sequence[ScoredObjects], true: Tensor) -> list[tuple[ScoredObjects, Tensor]]:
    """The choices in which one of several objects is described, each with what is known of it:
    how much of each object the described mask [B, T, h, w] covers."""
    known = []
    for scored in objects:
        mask = true[scored.row, :, : scored.shares.shape[-2], : scored.shares.shape[-1]]
        overlap = (scored.shares * mask).flatten(1).sum(-1)
        if overlap.sum() > 0:
            known.append((scored, overlap))
    return known
