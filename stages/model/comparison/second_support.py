"""The query clip as its own second support: the self-affinity of a network that compares.

Two objects of one kind differ; the same object in the frames of one clip hardly does. The cells
that a first look is surest of, over all frames, teach a second classifier what the object of this
clip looks like (self-support, Fan et al., SSP, 2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stages.model.comparison.ridge import fit

SUREST = 0.02  # share of the clip's cells taken for object
FEWEST = 0.002  # share that is taken for object however high the bar
UNLIKELIEST = 0.75  # share taken for background
PENALTY = 10.0


def second_look(scores: Tensor, cells: Tensor, bar: float = -math.inf) -> Tensor:
    """Scores [T, h, w] of a classifier fitted on the clip's own confident cells.

    Args:
        scores: [T, h, w], what a first look gave.
        cells: [T, h, w, C] directions of the clip.
        bar: score that an object's cells are to reach, as long as `FEWEST` of the cells do.
    """
    flat, known = cells.flatten(0, 2), scores.flatten()
    ordered = known.sort().values
    low = ordered[int(UNLIKELIEST * (len(ordered) - 1))]
    high, most = (ordered[int((1 - share) * (len(ordered) - 1))] for share in (SUREST, FEWEST))
    high = torch.maximum(high, most.clamp(max=bar))
    taken = (known >= high) | (known <= low)
    share = (known[taken] >= high).to(cells)
    return torch.mv(flat, fit(flat[taken], share, PENALTY)).view(scores.shape)
