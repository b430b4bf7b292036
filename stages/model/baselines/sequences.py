"""Instance sequences: query i of every frame is one object, matched as such (MTTR).

An object is its sequence of masks and of labels: "referred" in the frames that show the described
object, "not" everywhere else. With p the share that a query gives to that label and D the dice
coefficient of its mask, a sequence costs

    cost(query, object) = - 2 mean_t p_t - 5 mean_t D_t

and the Hungarian method gives each object of a clip its own query. Botach et al., "End-to-End
Referring Video Object Segmentation with Multimodal Transformers", CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.losses import focal
from stages.model.matcher import LossWeights, assign
from stages.model.prediction import Prediction, Truth
from stages.model.targets import Targets

UNMATCHED = 0.1  # weight in the score term of a query that is not the described object's


@dataclass(frozen=True)
class Sequences:
    """The N true objects of one clip, the described one first.

    masks: [N, T, h, w] in {0, 1} on the grid of the predicted masks. referred: [N, T] bool, where
    an object is described and shown.
    """

    masks: Tensor
    referred: Tensor


def sequences_of(truth: Truth, grid: tuple[int, int], stride: int) -> list[Sequences]:
    """The objects that are known of each clip: the described one, and those of its twins."""
    targets = Targets.of(truth.masks, truth.size, grid, stride)
    masks, shown = targets.masks[:, 0], targets.visible[:, 0]
    others: dict[int, list[int]] = {row: [] for row in range(len(masks))}
    for first, second in truth.twins:
        others[first].append(second)
        others[second].append(first)
    found = []
    for row, twins in others.items():
        rows = [row, *twins]
        referred = torch.zeros_like(shown[rows])
        referred[0] = shown[row]
        found.append(Sequences(masks[rows], referred))
    return found


def sequence_costs(logits: Tensor, masks: Tensor, true: Sequences, weights: LossWeights) -> Tensor:
    """Cost [Q, N] of letting a query be an object.

    Args:
        logits: [T, Q], that a query is the described object.
        masks: [T, Q, h, w] mask logits.
    """
    share = logits.sigmoid().T[:, None]  # [Q, 1, T]
    label = torch.where(true.referred, share, 1 - share).mean(-1)
    overlap = dice(masks.sigmoid().transpose(0, 1)[:, None], true.masks).mean(-1)
    return -weights.score * label - weights.dice * overlap


def sequence_losses(
    prediction: Prediction, known: list[Sequences], weights: LossWeights
) -> dict[str, tuple[float, Tensor]]:
    """Weight and value of the score, mask and dice terms; each is a mean over clips."""
    values = [clip_losses(*said, true, weights) for said, true in zip_clips(prediction, known)]
    names = ("loss_score", "loss_mask", "loss_dice")
    counts = (weights.score, weights.mask, weights.dice)
    means = torch.stack([torch.stack(terms) for terms in values]).mean(0)
    return {name: (w, mean) for name, w, mean in zip(names, counts, means, strict=True)}


def clip_losses(
    logits: Tensor, masks: Tensor, true: Sequences, weights: LossWeights
) -> tuple[Tensor, Tensor, Tensor]:
    """Score, mask and dice terms of one clip, shapes as in `sequence_costs`.

    The score term is a mean in which the described object's query counts 1 and the others 0.1; the
    mask terms are means over objects and frames.
    """
    with torch.no_grad():
        chosen = assign(sequence_costs(logits, masks, true, weights)[None])[0]
    labels, counted = torch.zeros_like(logits), torch.full_like(logits, UNMATCHED)
    labels[:, chosen[0]], counted[:, chosen[0]] = true.referred[0].float(), 1.0
    score = F.binary_cross_entropy_with_logits(logits, labels, counted, reduction="sum")
    drawn = masks[:, chosen].transpose(0, 1)  # [N, T, h, w]
    missed = 1 - dice(drawn.sigmoid(), true.masks)
    return score / counted.sum(), focal(drawn, true.masks).mean(), missed.mean()


def dice(share: Tensor, true: Tensor) -> Tensor:
    """(2 sum pt + 1) / (sum p + sum t + 1) over the cells of [..., h, w]."""
    both = (share * true).sum((-2, -1))
    return (2 * both + 1) / (share.sum((-2, -1)) + true.sum((-2, -1)) + 1)


def zip_clips(
    prediction: Prediction, known: list[Sequences]
) -> Iterator[tuple[tuple[Tensor, Tensor], Sequences]]:
    """Each clip's logits [T, Q] and masks [T, Q, h, w] in float32 with its objects."""
    for row, true in enumerate(known):
        yield (prediction.logits[row, ..., 0].float(), prediction.masks[row].float()), true
