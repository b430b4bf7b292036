"""Dense prior: a coarse mask straight from the encoder's cells.

A query has to find its object before its mask can be right, which takes long to learn. The
encoder's cells already know what the support and the sentence say of their place; one linear layer
reads it, is supervised on its own, and every query's mask starts from it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

RARE_LOGIT = -3.0  # of an untrained cell: the object covers about a twentieth of a frame


class DensePrior(nn.Module):
    """One logit a cell."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def forward(self, cells: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """Memory cells [N, h, w, C], and what else speaks for them [B, T, h, w], to logits
        [N, h, w]."""
        logits = self.linear(cells)[..., 0]
        return logits if shortcut is None else logits + shortcut.flatten(0, 1)


def spread(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits [N, h, w] on the finer grid of the masks: [N, 1, h', w']."""
    return F.interpolate(logits[:, None], size=size, mode="bilinear", align_corners=False)
