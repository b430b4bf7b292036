"""Cross-modal affinity: what of the query clip is like the annotated part of the support.

Self-affinity, eqs. (2) and (3), lets query cells gather from query cells; cross-affinity, eqs. (4)
and (5), lets the result gather from the support's masked cells. One module serves all levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.inputs import middle_frame
from stages.model.layers import convolve


class AffinityProjection(nn.Module):
    """3x3 convolutions that make the queries, keys and values of one clip."""

    def __init__(self, *, width: int, inner: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(width, inner, 3, padding=1)
        self.key = nn.Conv2d(width, inner, 3, padding=1)
        self.value = nn.Conv2d(width, inner, 3, padding=1)

    def keys_values(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, 1, T*h*w, inner] of a clip [B, T, h, w, C]."""
        return clip_tokens(self.key, clip)[:, None], clip_tokens(self.value, clip)[:, None]


class CrossModalAffinity(nn.Module):
    """The paper's CMA. Half of the output's channels are affinity, half the query clip itself."""

    def __init__(
        self,
        *,
        width: int,
        inner: int,
        kind: Literal["cross", "self", "none"],
        query_frames: Literal["middle", "all"],
        dropout: float,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.choose: Callable[[Tensor], Tensor] = (
            middle_frame if query_frames == "middle" else lambda clip: clip
        )
        self.query_projection = AffinityProjection(width=width, inner=inner)
        self.support_projection = AffinityProjection(width=width, inner=inner)
        self.skip = nn.Conv2d(width, width - inner, 1)
        self.norm = nn.LayerNorm(inner)
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, support: Tensor, masks: Tensor) -> Tensor:
        """The query clip with its affinities.

        Args:
            query: [B, T, h, w, C] after fusion.
            support: [B, S, h', w', C] after fusion.
            masks: [B, S, H, W] in [0, 1].

        Returns:
            [B, T, h, w, C].
        """
        support = mask_support(support, masks, query.shape[2:4])
        if self.kind == "none":
            return query + match_frames(support, query.shape[1])
        tokens = clip_tokens(self.query_projection.query, query)
        keys, values = self.query_projection.keys_values(self.choose(query))
        tokens = self.attend(tokens, keys, values)  # self-affinity, eqs. (2), (3)
        skipped = query
        if self.kind == "cross":
            keys, values = self.support_projection.keys_values(support)
            tokens = self.attend(tokens, keys, values)  # cross-affinity, eqs. (4), (5)
        else:
            skipped = match_frames(support, query.shape[1])
        kept = convolve(self.skip, skipped.flatten(0, 1)).view(*query.shape[:4], -1)
        return torch.cat((tokens.view(*query.shape[:4], -1), kept), dim=-1)

    def attend(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """norm(q + softmax(q k / sqrt(width)) v) over tokens [B, T*h*w, inner]; one head."""
        gathered = F.scaled_dot_product_attention(tokens[:, None], keys, values)[:, 0]
        return self.norm(tokens + self.dropout(gathered))


def mask_support(support: Tensor, masks: Tensor, size: torch.Size) -> Tensor:
    """Support cells [B, S, h', w', C] brought to a size, with all but the object set to zero."""
    cells = resize_cells(support.flatten(0, 1), size)
    weights = F.interpolate(
        masks.flatten(0, 1)[:, None].to(cells.dtype),
        size=tuple(size),
        mode="bilinear",
        align_corners=True,
    )
    return (cells * weights.permute(0, 2, 3, 1)).unflatten(0, support.shape[:2])


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
