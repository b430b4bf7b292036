"""Closed-form classifier: object or background, fitted anew for every support by ridge regression.

    w = (X'DX + penalty mean(diag X'DX) I)^-1 X'Dy

What it knows of a kind comes from the support alone, so there is nothing in it to learn by heart
(compare FRTM, Robinson et al., and LWL, Bhat et al., both 2020, which fit one by descent).
"""

from __future__ import annotations

import torch
from torch import Tensor

CUTS = 64  # scores tried as a cut
OBJECT_SHARE = 0.5  # of a cell that the mask covers, from which it counts as object


def fit(cells: Tensor, share: Tensor, penalty: float) -> Tensor:
    """Weights [C] whose product with a cell is its score, about -1 for background, 1 for object.

    Object and background weigh one half each, however many cells they have.

    Args:
        cells: [N, C] directions.
        share: [N] in [0, 1], how much of each cell the mask covers.
        penalty: of the weights, in units of the mean square of a channel; above 0.
    """
    chosen = object_cells(share).to(cells)
    weights = 0.5 * chosen / chosen.sum().clamp(min=1)
    weights = weights + 0.5 * (1 - chosen) / (1 - chosen).sum().clamp(min=1)
    weighted = (cells * weights[:, None]).T
    gram = weighted @ cells
    gram.diagonal().add_(penalty * gram.diagonal().mean() + torch.finfo(gram.dtype).tiny)
    return torch.linalg.solve(gram, weighted @ (2 * share - 1))


def best_cut(scores: Tensor, share: Tensor) -> tuple[float, float]:
    """The score above which cells, with scores [N], overlap best with the object, known by its
    share [N] of them, and that overlap (IoU)."""
    chosen = object_cells(share)
    cuts = torch.linspace(float(scores.min()), float(scores.max()), CUTS, device=scores.device)
    above = scores[None] > cuts[:, None]
    both, either = (above & chosen).sum(-1), (above | chosen).sum(-1)
    overlap = both / either.clamp(min=1)
    return float(cuts[overlap.argmax()]), float(overlap.max())


def object_cells(share: Tensor) -> Tensor:
    """Which cells [N] are object: those half covered, or else the most covered ones there are."""
    chosen = share >= OBJECT_SHARE
    if chosen.any() or not share.any():
        return chosen
    return share >= share.max()
