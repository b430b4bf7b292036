"""The training loss: score, box and mask terms of the query that answers for the object.

    loss = sum over decoder layers of  2 score + 5 box + 2 giou + 2 mask + 5 dice  (`LossWeights`)

Every decoder layer is matched and counted alike. Box terms count frames that do not show the
object too, with a zero box; the score term takes a query for positive only where it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.matcher import ALPHA, GAMMA, LossWeights, corners, generalised_iou, match
from stages.model.prediction import Losses
from stages.model.queries import QueryPrediction
from stages.model.targets import Targets

CLIP_TERMS = ("loss_mask", "loss_dice")  # means over a whole clip


def compute_losses(
    prediction: QueryPrediction,
    targets: Targets,
    weights: LossWeights | None = None,
    shared_mask_divisor: bool = True,
    twins: Sequence[tuple[int, int]] = (),
    mask_points: int = 0,
) -> Losses:
    """All terms of all layers.

    Term names: loss_score, loss_box, loss_giou, loss_mask, loss_dice of the last layer, with a
    suffix _0, _1 ... for the layers before it.

    Args:
        twins: pairs of clips that are one video with two sentences, for `twin_loss`.
        shared_mask_divisor: divide the mask terms, which are one a clip, by the number of frames
            too, as the released code does; otherwise by the number of objects.
        mask_points: cells of a clip at which the masks of the layers before the last are matched
            and compared, drawn anew for each layer; 0 takes all.
    """
    weights = weights or LossWeights()
    visible = targets.visible.sum()  # frames that show an object
    divisor = visible.clamp(min=1)
    layers = {"": (prediction, targets)}
    for index, layer in enumerate(prediction.auxiliary):
        seen = draw_cells(layer, targets, mask_points) if mask_points else (layer, targets)
        layers[f"_{index}"] = seen
    terms: dict[str, Tensor] = {}
    counts: dict[str, tuple[float, Tensor]] = {}
    total = prediction.logits.new_zeros((), dtype=torch.float32)
    for suffix, seen in layers.items():
        for name, (weight, value) in layer_terms(*seen, weights).items():
            over_clip = name in CLIP_TERMS and not shared_mask_divisor
            terms[name + suffix] = value / (len(targets.masks) if over_clip else divisor)
            if not over_clip:
                counts[name + suffix] = weight, visible
            total = total + weight * terms[name + suffix]
    if prediction.dense is not None:
        terms["loss_dense"] = dense_loss(prediction.dense, targets, weights)
        total = total + weights.dense * terms["loss_dense"]
        if twins:
            terms["loss_twin"] = twin_loss(prediction.dense, targets, twins)
            total = total + weights.twin * terms["loss_twin"]
            counts["loss_twin"] = weights.twin, twin_cells(targets, prediction.dense, twins)
    return Losses(total, terms, counts)


def layer_terms(
    layer: QueryPrediction, targets: Targets, weights: LossWeights
) -> dict[str, tuple[float, Tensor]]:
    """Weight and sum of each term of one decoder layer."""
    chosen = match(layer, targets, weights)
    return {
        "loss_score": (weights.score, score_loss(layer.logits, targets, chosen)),
        "loss_box": (weights.box, box_loss(layer.boxes, targets, chosen)),
        "loss_giou": (weights.giou, giou_loss(layer.boxes, targets, chosen)),
        "loss_mask": (weights.mask, mask_loss(layer.masks, targets, chosen)),
        "loss_dice": (weights.dice, dice_loss(layer.masks, targets, chosen)),
    }


def draw_cells(
    layer: QueryPrediction, targets: Targets, count: int
) -> tuple[QueryPrediction, Targets]:
    """A layer's masks and the true ones at `count` cells of each clip, none of them twice.

    The cells stand in for a frame of one row: masks [B, 1, Q, 1, count] and [B, N, 1, 1, count].
    """
    logits, true = layer.masks.transpose(1, 2).flatten(2), targets.masks.flatten(2)
    clips, cells = len(true), true.shape[-1]
    drawn = torch.rand(clips, cells, device=true.device).argsort(1)[:, None, :count]
    logits, true = (
        values.gather(2, drawn.expand(-1, values.shape[1], -1)) for values in (logits, true)
    )
    share = drawn.shape[-1] / cells
    return (
        replace(layer, masks=logits[:, None, :, None]),
        replace(targets, masks=true[:, :, None, None], share=targets.share * share),
    )


def dense_loss(logits: Tensor, targets: Targets, weights: LossWeights) -> Tensor:
    """Mask and dice terms of the dense prior [B, T, h, w] against all described objects, a mean."""
    true, logits = covered_share(targets, logits), logits.float()
    share = logits.sigmoid().flatten(1)
    covered = true.flatten(1)
    dice = (2 * (share * covered).sum(-1) + 1) / (share.sum(-1) + covered.sum(-1) + 1)
    mask = focal(logits, true).flatten(1).mean(-1)
    return (weights.mask * mask + weights.dice * (1 - dice)).mean()


def twin_loss(logits: Tensor, targets: Targets, twins: Sequence[tuple[int, int]]) -> Tensor:
    """Which of two sentences of one video a cell of either object belongs to, a mean over cells.

    The other terms are mostly about what is no object at all; here background cancels, and only
    what the two sentences say apart can lower the loss.

    Args:
        logits: [B, T, h, w] of the dense prior.
    """
    return told_apart(logits.float(), covered_share(targets, logits), twins)


def twin_cells(targets: Targets, logits: Tensor, twins: Sequence[tuple[int, int]]) -> Tensor:
    """How many cells `twin_loss` is a mean over."""
    return cells_of(covered_share(targets, logits), twins)


def told_apart(logits: Tensor, true: Tensor, twins: Sequence[tuple[int, int]]) -> Tensor:
    """The same of logits and of the share of each cell that is the object's, both [B, T, h, w]."""
    first, second = (list(side) for side in zip(*twins, strict=True))
    ahead = logits[first] - logits[second]
    wrong = true[first] * F.softplus(-ahead) + true[second] * F.softplus(ahead)
    return wrong.sum() / cells_of(true, twins).clamp(min=1)


def cells_of(true: Tensor, twins: Sequence[tuple[int, int]]) -> Tensor:
    """How many cells of [B, T, h, w] either object of a pair covers, in shares of a cell."""
    first, second = (list(side) for side in zip(*twins, strict=True))
    return (true[first] + true[second]).sum()


def covered_share(targets: Targets, logits: Tensor) -> Tensor:
    """How much of each cell of logits [B, T, h, w] the described objects cover, in [0, 1]."""
    return F.adaptive_avg_pool2d(targets.masks.amax(1), (logits.shape[-2], logits.shape[-1]))


def score_loss(logits: Tensor, targets: Targets, chosen: Tensor) -> Tensor:
    """Focal loss of all queries [B, T, Q, 1], summed."""
    positive = torch.zeros_like(logits[..., 0], dtype=torch.float32)
    shown = targets.visible.transpose(1, 2).float()  # [B, T, N]
    positive.scatter_(2, chosen[:, None].expand(shown.shape), shown)
    return focal(logits[..., 0].float(), positive).sum()


def box_loss(boxes: Tensor, targets: Targets, chosen: Tensor) -> Tensor:
    """L1 distance of the chosen boxes, summed over frames and coordinates."""
    return (of_chosen(boxes, chosen) - targets.boxes).abs().sum()


def giou_loss(boxes: Tensor, targets: Targets, chosen: Tensor) -> Tensor:
    """1 - GIoU of the chosen boxes, summed over frames."""
    return (1 - generalised_iou(corners(of_chosen(boxes, chosen)), corners(targets.boxes))).sum()


def mask_loss(masks: Tensor, targets: Targets, chosen: Tensor) -> Tensor:
    """Focal loss of the chosen masks, a mean over the clip, summed over objects."""
    return focal(of_chosen(masks, chosen), targets.masks).flatten(2).mean(-1).sum()


def dice_loss(masks: Tensor, targets: Targets, chosen: Tensor) -> Tensor:
    """1 - soft dice over the clip, summed over objects."""
    share = of_chosen(masks, chosen).sigmoid().flatten(2)
    true = targets.masks.flatten(2)
    shared, both = (share * true).sum(-1), share.sum(-1) + true.sum(-1)
    return (1 - (2 * shared + targets.share) / (both + targets.share)).sum()


def of_chosen(values: Tensor, chosen: Tensor) -> Tensor:
    """What [B, T, Q, ...] says for the chosen queries [B, N]: [B, N, T, ...] float32."""
    clips = torch.arange(len(values), device=values.device)[:, None]
    return values.transpose(1, 2)[clips, chosen].float()


def focal(logits: Tensor, true: Tensor) -> Tensor:
    """Focal loss of each logit (Lin et al., 2017)."""
    share = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, true, reduction="none")
    missed = share + true - 2 * share * true  # 1 - the share given to the truth
    balance = ALPHA * true + (1 - ALPHA) * (1 - true)
    return balance * missed**GAMMA * entropy
