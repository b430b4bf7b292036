"""Pixel decoder: from the coarsest map to the mask features, reading the words at every stage."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.fusion import ProjectedWords
from stages.model.inputs import FramePyramid
from stages.model.layers import AddNorm, Attention, FeedForward, Stack, convolve
from stages.model.positions import encode_cells

NORM_GROUPS = 8


class ClipAttention(nn.Module):
    """All cells of a clip attend to each other (coarsely), then to the words."""

    def __init__(
        self,
        *,
        reduction: int,
        self_attention: Attention,
        text_attention: Attention,
        feed_forward: FeedForward,
        dropout: float,
    ) -> None:
        super().__init__()
        width = self_attention.output.in_features
        self.reduction = reduction
        self.self_attention = self_attention
        self.self_norm = AddNorm(width, dropout)
        self.text_attention = text_attention
        self.text_norm = AddNorm(width, dropout)
        self.feed_forward = feed_forward
        self.feed_forward_norm = AddNorm(width, dropout)

    def forward(
        self, cells: Tensor, places: Tensor, words: ProjectedWords, padding: Tensor | None
    ) -> Tensor:
        """Cells [N, h, w, C] of B = `words` clips, places [N or 1, h, w, C], padding [N, h, w]."""
        clips, shape = words.values.shape[0], cells.shape
        met = self.meet(cells, places, padding, clips)
        cells = self.self_norm(cells, met)
        placed = (cells + places).reshape(clips, -1, shape[-1])
        read = self.text_attention(placed, words.keys, words.values, words.padding)
        cells = self.text_norm(cells, read.view(shape))
        return self.feed_forward_norm(cells, self.feed_forward(cells))

    def meet(self, cells: Tensor, places: Tensor, padding: Tensor | None, clips: int) -> Tensor:
        """Self-attention over every r-th cell of all frames, spread back: [N, h, w, C]."""
        height, width = cells.shape[1:3]
        few_cells, few_places = self.reduce(cells), self.reduce(places)
        few_padding = None if padding is None else self.reduce(padding[..., None].float())
        values = few_cells.reshape(clips, -1, cells.shape[-1])
        placed = (few_cells + few_places).reshape(clips, -1, cells.shape[-1])
        ignored = None if few_padding is None else few_padding.bool().reshape(clips, -1)
        met = self.self_attention(placed, placed, values, ignored).view(few_cells.shape)
        if self.reduction == 1:
            return met
        spread = F.interpolate(
            met.permute(0, 3, 1, 2), size=(height, width), mode="bilinear", align_corners=False
        )
        return spread.permute(0, 2, 3, 1)

    def reduce(self, cells: Tensor) -> Tensor:
        """The nearest of [N, h, w, C] on a grid r times coarser."""
        if self.reduction == 1:
            return cells
        size = (cells.shape[1] // self.reduction, cells.shape[2] // self.reduction)
        return F.interpolate(cells.permute(0, 3, 1, 2), size=size).permute(0, 2, 3, 1)


class PixelStage(nn.Module):
    """One stride: adapt, attend, add the coarser stage, convolve."""

    def __init__(
        self, *, stride: int, channels: int, width: int, attention: ClipAttention | None
    ) -> None:
        super().__init__()
        self.stride = stride
        self.adapter = nn.Conv2d(channels, width, 1, bias=False)
        self.adapter_norm = nn.GroupNorm(NORM_GROUPS, width)
        self.attention = attention
        self.layer = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.layer_norm = nn.GroupNorm(NORM_GROUPS, width)

    def forward(
        self, cells: Tensor, coarser: Tensor | None, words: ProjectedWords, frames: FramePyramid
    ) -> Tensor:
        """Cells [N, h, w, channels] and the stage above [N, h', w', C] to [N, h, w, C]."""
        height, width = cells.shape[1:3]
        attended = self.adapter_norm(self.adapter(cells.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        if self.attention is not None:
            padding = frames.padding_at(height, width)
            places = encode_cells(height, width, attended.shape[-1], padding, cells.device)
            attended = self.attention(attended, places, words, padding)
        if coarser is not None:
            spread = F.interpolate(coarser.permute(0, 3, 1, 2), size=(height, width))
            attended = attended + spread.permute(0, 2, 3, 1)
        return F.relu(self.layer_norm(self.layer(attended.permute(0, 3, 1, 2)))).permute(0, 2, 3, 1)


class PixelDecoder(nn.Module):
    """Stages from coarse to fine. A stride that the encoder did not see enters from the frames."""

    def __init__(self, *, stages: Sequence[PixelStage], width: int, mask_dim: int) -> None:
        super().__init__()
        self.stages = Stack(stages)  # coarsest first
        self.mask_features = nn.Conv2d(width, mask_dim, 3, padding=1)

    def forward(
        self, encoded: dict[int, Tensor], frames: FramePyramid, words: ProjectedWords
    ) -> Tensor:
        """Mask features [N, h, w, mask_dim] at the finest stage's stride.

        Args:
            encoded: stride to encoder memory [N, h, w, C].
        """
        cells: Tensor | None = None
        for stage in self.stages:
            source = encoded.get(stage.stride)
            if source is None:
                source = frames.at(stage.stride).flatten(0, 1).permute(0, 2, 3, 1)
            cells = stage(source, cells, words, frames)
        assert cells is not None  # there is at least one stage
        return convolve(self.mask_features, cells)
