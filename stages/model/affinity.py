"""Cross-modal affinity: what of the query clip is like the annotated part of the support.

Self-affinity lets query cells gather from query cells; cross-affinity lets the result gather from
the support's masked cells (the paper's cross-modal affinity, CMA). With q, k, v of the query clip,
k', v' of the masked support, all made by 3x3 convolutions, and d channels:

    self-affinity    z = norm(q + softmax(q k / sqrt(d)) v)
    cross-affinity   o = norm(z + softmax(z k' / sqrt(d)) v')
    output               [o, skip(query)]

Without the residual, z and o are what is gathered alone; at the full width, o is all of the output.
One module serves all levels.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.inputs import middle_frame
from stages.model.layers import AddNorm, attend, convolve


class AffinityProjection(nn.Module):
    """3x3 convolutions that make the queries, keys and values of one clip."""

    def __init__(self, *, width: int, inner: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(width, inner, 3, padding=1)
        self.key = nn.Conv2d(width, inner, 3, padding=1)
        self.value = nn.Conv2d(width, inner, 3, padding=1)


class CrossModalAffinity(nn.Module):
    """The paper's CMA. ``inner`` channels of the output are affinity, the rest the clip itself."""

    def __init__(
        self,
        *,
        width: int,
        inner: int,
        kind: Literal["cross", "self", "none"],
        query_frames: Literal["middle", "all"],
        dropout: float,
        residual: bool = True,
        background: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.query_frames = query_frames
        self.query_projection = AffinityProjection(width=width, inner=inner)
        self.support_projection = AffinityProjection(width=width, inner=inner)
        self.skip = nn.Conv2d(width, width - inner, 1) if inner < width else None
        self.norm = AddNorm(inner, dropout) if residual else None
        # What marks a support cell as object (row 0) or background (row 1).
        self.marks = nn.Parameter(torch.zeros(2, width)) if background else None

    def freeze_projections(self) -> None:
        """Keep all convolutions at their initial values, as the released optimiser does."""
        for part in (self.query_projection, self.support_projection, self.skip):
            if part is not None:
                part.requires_grad_(False)

    def forward(self, query: Tensor, support: Tensor, masks: Tensor) -> Tensor:
        """The query clip with its affinities.

        Args:
            query: [B, T, h, w, C] after fusion.
            support: [B, S, h', w', C] after fusion.
            masks: [B, S, H, W] in [0, 1].

        Returns:
            [B, T, h, w, C].
        """
        seen = resize_cells(support.flatten(0, 1), query.shape[2:4]).unflatten(0, masks.shape[:2])
        support = self.mark(seen, mask_cells(masks, query.shape[2:4]))
        if self.kind == "none":
            return query + match_frames(support, query.shape[1])
        tokens = clip_tokens(self.query_projection.query, query)
        chosen = middle_frame(query) if self.query_frames == "middle" else query
        keys = clip_tokens(self.query_projection.key, chosen)
        values = clip_tokens(self.query_projection.value, chosen)
        tokens = self.attend(tokens, keys, values)  # self-affinity, z
        skipped = query
        if self.kind == "cross":
            keys = clip_tokens(self.support_projection.key, support if self.marks is None else seen)
            values = clip_tokens(self.support_projection.value, support)
            tokens = self.attend(tokens, keys, values)  # cross-affinity, o
        else:
            skipped = match_frames(support, query.shape[1])
        gathered = tokens.view(*query.shape[:4], -1)
        if self.skip is None:  # no room beside it; without cross-affinity, the support is added
            return gathered if self.kind == "cross" else gathered + skipped
        kept = convolve(self.skip, skipped.flatten(0, 1)).view(*query.shape[:4], -1)
        return torch.cat((gathered, kept), dim=-1)

    def mark(self, seen: Tensor, weights: Tensor) -> Tensor:
        """Support cells [B, S, h, w, C] with all but the object set to zero, or both marked."""
        if self.marks is None:
            return seen * weights
        return seen + weights * self.marks[0] + (1 - weights) * self.marks[1]

    def attend(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """norm(q + softmax(q k / sqrt(width)) v) over tokens [B, T*h*w, inner]; one head."""
        gathered = attend(tokens[:, None], keys[:, None], values[:, None])[:, 0]
        return gathered if self.norm is None else self.norm(tokens, gathered)


def mask_cells(masks: Tensor, size: torch.Size) -> Tensor:
    """Masks [B, S, H, W] on a grid of cells, corners on corners: [B, S, h, w, 1]."""
    return F.interpolate(masks, size=tuple(size), mode="bilinear", align_corners=True)[..., None]


def resize_cells(cells: Tensor, size: torch.Size) -> Tensor:
    """Bilinear, corners on corners: [N, h', w', C] to [N, h, w, C]."""
    if cells.shape[1:3] == size:
        return cells
    maps = F.interpolate(
        cells.permute(0, 3, 1, 2), size=tuple(size), mode="bilinear", align_corners=True
    )
    return maps.permute(0, 2, 3, 1)


def match_frames(support: Tensor, frames: int) -> Tensor:
    """Support frame t for query frame t; the last one again where the query has more."""
    chosen = torch.arange(frames, device=support.device).clamp(max=support.shape[1] - 1)
    return support[:, chosen]


def clip_tokens(convolution: nn.Module, clip: Tensor) -> Tensor:
    """A convolution over a clip [B, T, h, w, C], its cells in one sequence: [B, T*h*w, C']."""
    cells = convolve(convolution, clip.flatten(0, 1))
    return cells.reshape(clip.shape[0], -1, cells.shape[-1])
