"""Deformable encoder: cells of one frame exchange what they hold, across levels.

A batch entry is a frame (N = B * T). Frames meet only in a layer that has a `ClipExchange`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.model.deformable import DeformableAttention, Layout
from stages.model.exchange import ClipExchange
from stages.model.fusion import ProjectedWords
from stages.model.inputs import FramePyramid
from stages.model.layers import AddNorm, FeedForward, Stack
from stages.model.positions import encode_cells


@dataclass(frozen=True)
class Memory:
    """Encoded cells [N, cells, C] of all levels and how they lie."""

    tokens: Tensor
    layout: Layout


class EncoderLayer(nn.Module):
    """Deformable self-attention and feed-forward, each followed by its norm."""

    def __init__(
        self,
        *,
        attention: DeformableAttention,
        feed_forward: FeedForward,
        dropout: float,
        exchange: ClipExchange | None = None,
    ) -> None:
        super().__init__()
        self.exchange = exchange
        width = attention.value.in_features
        self.attention = attention
        self.attention_norm = AddNorm(width, dropout)
        self.feed_forward = feed_forward
        self.feed_forward_norm = AddNorm(width, dropout)

    def forward(
        self,
        tokens: Tensor,
        places: Tensor,
        references: Tensor,
        layout: Layout,
        words: ProjectedWords,
    ) -> Tensor:
        """Tokens [N, cells, C] and their places [N or 1, cells, C] to tokens."""
        if self.exchange is not None:
            tokens = self.exchange(tokens, places, layout, words)
        read = self.attention(tokens + places, references, tokens, layout)
        tokens = self.attention_norm(tokens, read)
        return self.feed_forward_norm(tokens, self.feed_forward(tokens))


class Encoder(nn.Module):
    """The stack of layers over the maps of all levels."""

    def __init__(self, *, layers: Sequence[EncoderLayer], width: int, levels: int) -> None:
        super().__init__()
        self.layers = Stack(layers)
        self.level_embedding = nn.Parameter(torch.empty(levels, width))

    def forward(
        self, maps: Sequence[Tensor], frames: FramePyramid, words: ProjectedWords
    ) -> Memory:
        """Maps [B, T, h, w, C], one a level, of these frames."""
        shapes = [(cells.shape[2], cells.shape[3]) for cells in maps]
        paddings = [frames.padding_at(height, width) for height, width in shapes]
        layout = Layout.of(shapes, paddings, like=maps[0])
        places = [
            encode_cells(*shape, self.level_embedding.shape[1], padding, maps[0].device).flatten(
                1, 2
            )
            + self.level_embedding[level]
            for level, (shape, padding) in enumerate(zip(shapes, paddings, strict=True))
        ]
        tokens = torch.cat([cells.flatten(0, 1).flatten(1, 2) for cells in maps], dim=1)
        references = cell_centres(layout)
        for layer in self.layers:
            tokens = layer(tokens, torch.cat(places, dim=1), references, layout, words)
        return Memory(tokens, layout)


def cell_centres(layout: Layout) -> Tensor:
    """Where each cell lies in every level, (x, y) in [0, 1]: [N or 1, cells, levels, 2]."""
    device = layout.valid.device
    centres = []
    for level, (height, width) in enumerate(layout.shapes):
        y = torch.arange(height, device=device) + 0.5
        x = torch.arange(width, device=device) + 0.5
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).flatten(0, 1)
        size = torch.tensor((width, height), device=device)
        centres.append(grid / (layout.valid[:, level, None] * size))
    return torch.cat(centres, dim=1)[:, :, None] * layout.valid[:, None]
