"""Object queries of one window linked to those of the next: the same object, the same number.

A query is linked by where its mask lies in the frames that both windows see, and by what its cells
look like (Hungarian assignment, as between a query and the truth in training). Its scores add up
over the windows, so that the described object stays the described one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from stages.model.inputs import FramePyramid
from stages.model.prediction import Followed, FollowedObject, Prediction

LOOKS_AT = 16  # stride of the map that tells objects apart
STEADINESS = 0.8  # of scores and looks, from window to window
OVERLAP_WEIGHT, LOOKS_WEIGHT, SCORE_WEIGHT = 1.0, 1.0, 0.5  # of a link's terms


@dataclass(frozen=True)
class QueryTrail:
    """What is kept of the windows before, a row a query, in the order of their numbers.

    masks: [k, Q, h, w] in [0, 1], of the frames that the next window sees again. looks: [Q, C],
    unit length. scores: [Q] in [0, 1].
    """

    masks: Tensor
    looks: Tensor
    scores: Tensor


@torch.no_grad()
def follow_queries(
    said: Prediction, query: FramePyramid, memory: object | None, overlap: int
) -> Followed:
    """A prediction of one clip with its queries in the order of the windows before."""
    masks, logits = said.masks[0].float(), said.logits[0, ..., 0].float()  # [T, Q, h, w], [T, Q]
    shown = masks.sigmoid()
    looks = _looks(shown, query.at(LOOKS_AT)[0].float())
    scores = logits.sigmoid().mean(0)
    if isinstance(memory, QueryTrail):
        order = _links(memory, shown, looks, scores)
        masks, logits, shown = masks[:, order], logits[:, order], shown[:, order]
        scores = STEADINESS * memory.scores + (1 - STEADINESS) * scores[order]
        looks = F.normalize(STEADINESS * memory.looks + (1 - STEADINESS) * looks[order], dim=-1)
    best = int(scores.argmax())
    kept = shown[len(shown) - overlap :] if overlap else shown[:0]
    return Followed(
        masks=masks[:, best],
        presence=logits[:, best],
        objects=tuple(
            FollowedObject(row + 1, masks[:, row], logits[:, row], float(scores[row].logit(1e-6)))
            for row in range(len(scores))
        ),
        memory=QueryTrail(kept, looks, scores),
    )


def _looks(shown: Tensor, maps: Tensor) -> Tensor:
    """Mean cell of maps [T, C, h', w'] under each of masks [T, Q, h, w], less the clip's mean."""
    weights = F.adaptive_avg_pool2d(shown, (maps.shape[-2], maps.shape[-1]))
    cells = F.normalize(maps, dim=1)
    cells = cells - cells.mean((0, 2, 3))[None, :, None, None]
    summed = torch.einsum("tqhw,tchw->qc", weights, cells)
    return F.normalize(summed, dim=-1)


def _links(memory: QueryTrail, shown: Tensor, looks: Tensor, scores: Tensor) -> list[int]:
    """The query of this window for each of the ones before, [Q]."""
    worth = LOOKS_WEIGHT * memory.looks @ looks.T
    worth = worth - SCORE_WEIGHT * (memory.scores[:, None] - scores[None]).abs()
    if again := len(memory.masks):
        then, now = (m.transpose(0, 1).flatten(1) for m in (memory.masks, shown[:again]))
        both = then @ now.T
        either = then.sum(-1, keepdim=True) + now.sum(-1)[None] - both
        worth = worth + OVERLAP_WEIGHT * both / either.clamp(min=1e-6)
    return [int(column) for column in linear_sum_assignment(-worth.cpu().numpy())[1]]
