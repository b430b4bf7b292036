"""Which query answers for which object, the cheapest over the whole clip."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from configs.training import TrainConfig
from stages.model.queries import QueryPrediction
from stages.model.targets import Targets

ALPHA, GAMMA = 0.25, 2.0  # of the focal terms
LOG_EPSILON = 1e-8
BOX_EPSILON = 1e-6


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts, in the matching and in the loss."""

    score: float = 2.0
    box: float = 5.0
    giou: float = 2.0
    mask: float = 2.0
    dice: float = 5.0
    dense: float = 0.5  # of the dense prior's own mask and dice terms; takes no part in matching
    twin: float = 0.0  # of telling two sentences of one video apart; takes no part in matching

    @classmethod
    def of(cls, options: TrainConfig) -> LossWeights:
        """The weights that a configuration states."""
        return cls(
            score=options.weight_score,
            box=options.weight_box,
            giou=options.weight_giou,
            mask=options.weight_mask,
            dice=options.weight_dice,
            dense=options.weight_dense,
            twin=options.weight_twin,
        )


@torch.no_grad()
def match(prediction: QueryPrediction, targets: Targets, weights: LossWeights) -> Tensor:
    """The query [B, N] of each object; no query answers twice. The first of equal ones."""
    return assign(matching_costs(prediction, targets, weights))


def assign(costs: Tensor) -> Tensor:
    """The query [B, N] of each object by costs [B, Q, N]; no query answers twice."""
    if costs.shape[-1] == 1:
        return costs.argmin(1)
    rows = [linear_sum_assignment(clip.T.cpu().numpy())[1] for clip in costs]
    return torch.stack([torch.from_numpy(row) for row in rows]).to(costs.device)


def matching_costs(prediction: QueryPrediction, targets: Targets, weights: LossWeights) -> Tensor:
    """Cost [B, Q, N] of letting a query answer for an object, over all T frames alike."""
    score = score_cost(prediction.logits)[..., None]
    predicted = prediction.boxes.float().transpose(1, 2)[:, :, None]  # [B, Q, 1, T, 4]
    true = targets.boxes[:, None]  # [B, 1, N, T, 4]
    box = (predicted - true).abs().sum(-1).mean(-1)
    giou = -generalised_iou(corners(predicted), corners(true)).mean(-1)
    logits = prediction.masks.float().transpose(1, 2).flatten(2)  # [B, Q, T*h*w]
    masks = targets.masks.flatten(2).transpose(1, 2)  # [B, T*h*w, N]
    return (
        weights.score * score
        + weights.box * box
        + weights.giou * giou
        + weights.mask * mask_cost(logits, masks)
        + weights.dice * dice_cost(logits, masks, targets.share)
    )


def score_cost(logits: Tensor) -> Tensor:
    """Focal cost [B, Q] of taking a query for the object, mean over the frames of [B, T, Q, 1]."""
    share = logits[..., 0].float().sigmoid()
    positive = ALPHA * (1 - share) ** GAMMA * -(share + LOG_EPSILON).log()
    negative = (1 - ALPHA) * share**GAMMA * -(1 - share + LOG_EPSILON).log()
    return (positive - negative).mean(1)


def mask_cost(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean focal cost [B, Q, N] of mask logits [B, Q, cells] against masks [B, cells, N]."""
    share = logits.sigmoid()
    positive = ALPHA * (1 - share) ** GAMMA * F.softplus(-logits)
    negative = (1 - ALPHA) * share**GAMMA * F.softplus(logits)
    return (positive @ masks + negative @ (1 - masks)) / logits.shape[-1]


def dice_cost(logits: Tensor, masks: Tensor, smoothing: float = 1.0) -> Tensor:
    """Negative soft dice [B, Q, N] over the clip."""
    share = logits.sigmoid()
    total = share.sum(-1)[..., None] + masks.sum(1)[:, None]
    return -(2 * share @ masks + smoothing) / (total + smoothing)


def corners(boxes: Tensor) -> Tensor:
    """cx, cy, w, h to left, top, right, bottom."""
    centre, extent = boxes.split(2, dim=-1)
    return torch.cat((centre - extent / 2, centre + extent / 2), dim=-1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of boxes [..., 4] less the share of the enclosing box that neither covers."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(-1)

    (low1, high1), (low2, high2) = first.split(2, dim=-1), second.split(2, dim=-1)
    shared = area(torch.maximum(low1, low2), torch.minimum(high1, high2))
    union = area(low1, high1) + area(low2, high2) - shared
    enclosing = area(torch.minimum(low1, low2), torch.maximum(high1, high2))
    iou = (shared + BOX_EPSILON) / (union + BOX_EPSILON)
    return iou - (enclosing - union + BOX_EPSILON) / (enclosing + BOX_EPSILON)
