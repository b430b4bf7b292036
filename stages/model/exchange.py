"""Clip exchange: every cell reads the coarse cells of all frames, and the words, at once.

The released network's encoder and decoder treat each frame alone, so a sentence about motion, or
one that compares two objects, has nothing to be checked against. The coarsest maps summarise a
frame in a few dozen cells; letting all cells read those of the whole clip costs little.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.model.deformable import Layout
from stages.model.fusion import ProjectedWords
from stages.model.layers import Attention
from stages.model.positions import sine


class ClipExchange(nn.Module):
    """Attention from all cells of a clip to its coarse cells and its words."""

    def __init__(self, *, attention: Attention, coarse_levels: int, dropout: float) -> None:
        """`coarse_levels`: how many of the last levels are read."""
        super().__init__()
        self.attention = attention
        self.coarse_levels = coarse_levels
        self.norm = nn.LayerNorm(attention.output.in_features)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, places: Tensor, layout: Layout, words: ProjectedWords
    ) -> Tensor:
        """Tokens [N, cells, C] of B = `words` clips, places [N or 1, cells, C], to tokens."""
        clips = words.values.shape[0]
        cells = tokens.unflatten(0, (clips, -1))  # [B, T, cells, C]
        placed = (tokens + places).view(cells.shape) + frame_places(cells)
        coarse = sum(height * width for height, width in layout.shapes[-self.coarse_levels :])
        keys = torch.cat((placed[:, :, -coarse:].flatten(1, 2), words.keys), dim=1)
        values = torch.cat((cells[:, :, -coarse:].flatten(1, 2), words.values), dim=1)
        read = self.attention(
            placed.flatten(1, 2), keys, values, self.ignored(layout, words, keys, coarse)
        )
        return self.norm(tokens + self.dropout(read.view(tokens.shape)))

    def ignored(
        self, layout: Layout, words: ProjectedWords, keys: Tensor, coarse: int
    ) -> Tensor | None:
        """Keys that are padding, [B, T*coarse + L] bool, or None."""
        if layout.padding is None and words.padding is None:
            return None
        ignored = torch.zeros(keys.shape[:2], dtype=torch.bool, device=keys.device)
        length = words.values.shape[1]
        if layout.padding is not None:
            seen = layout.padding[:, -coarse:].reshape(len(ignored), -1)
            ignored[:, : ignored.shape[1] - length] = seen
        if words.padding is not None:
            ignored[:, ignored.shape[1] - length :] = words.padding
        return ignored


def frame_places(cells: Tensor) -> Tensor:
    """When each frame of a clip [B, T, cells, C] comes: [T, 1, C]."""
    numbers = torch.arange(cells.shape[1], device=cells.device, dtype=torch.float32)
    return sine(numbers, cells.shape[-1])[:, None]
