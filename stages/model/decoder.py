"""Deformable decoder with anchor boxes: Q object queries a frame find and refine their boxes.

After Liu et al., "DAB-DETR", 2022. A batch entry is a frame (N = B * T).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.deformable import DeformableAttention, Layout
from stages.model.encoder import Memory
from stages.model.layers import AddNorm, Attention, FeedForward, Perceptron, Stack
from stages.model.positions import encode_anchors

LOGIT_EPSILON = 1e-5


@dataclass(frozen=True)
class Objects:
    """What one decoder layer says of each query.

    Attributes:
        states: [N, Q, C].
        logits: [N, Q, 1], that the query is the described object.
        boxes: [N, Q, 4], cx, cy, w, h in [0, 1] of the frame without padding.
    """

    states: Tensor
    logits: Tensor
    boxes: Tensor


class DecoderLayer(nn.Module):
    """Self-attention among a frame's queries, reading the memory, feed-forward."""

    def __init__(
        self,
        *,
        self_attention: Attention,
        cross_attention: DeformableAttention,
        feed_forward: FeedForward,
        dropout: float,
    ) -> None:
        super().__init__()
        width = cross_attention.value.in_features
        self.self_attention = self_attention
        self.self_norm = AddNorm(width, dropout)
        self.cross_attention = cross_attention
        self.cross_norm = AddNorm(width, dropout)
        self.feed_forward = feed_forward
        self.feed_forward_norm = AddNorm(width, dropout)

    def forward(self, states: Tensor, places: Tensor, references: Tensor, memory: Memory) -> Tensor:
        """States and places [N, Q, C], reference boxes [N, Q, levels, 4] to states."""
        placed = states + places
        states = self.self_norm(states, self.self_attention(placed, placed, states))
        read = self.cross_attention(states + places, references, memory.tokens, memory.layout)
        states = self.cross_norm(states, read)
        return self.feed_forward_norm(states, self.feed_forward(states))


class RefiningDecoder(nn.Module, ABC):
    """Layers, and the heads that score the queries and refine their boxes after each of them."""

    layers: Stack[DecoderLayer]
    class_heads: Stack[nn.Linear]
    box_heads: Stack[Perceptron]

    @abstractmethod
    def place(
        self, index: int, states: Tensor, anchors: Tensor, layout: Layout
    ) -> tuple[Tensor, Tensor]:
        """What layer `index` is told of where its queries look.

        Args:
            states: [N, Q, C].
            anchors: [N, Q, 4 or 2], where the queries stand before the layer.

        Returns:
            Places [N, Q, C] of the queries, references [N, Q, levels, 4 or 2].
        """

    def refine(self, states: Tensor, anchors: Tensor, memory: Memory) -> list[Objects]:
        """What every layer says, first to last; each refines the boxes of the one before.

        Anchors [N, Q, 4], or points [N, Q, 2], which the first layer makes boxes of.
        """
        said = []
        for index, layer in enumerate(self.layers):
            places, references = self.place(index, states, anchors, memory.layout)
            states = layer(states, places, references, memory)
            start = F.pad(logit(anchors), (0, 4 - anchors.shape[-1]))
            boxes = (self.box_heads[index](states) + start).sigmoid()
            said.append(Objects(states, self.class_heads[index](states), boxes))
            anchors = boxes.detach()
        return said

    @abstractmethod
    def drawn_at_random(self) -> list[nn.Parameter]:
        """The parameters that start as standard normal numbers."""


class Decoder(RefiningDecoder):
    """Learnt queries and anchors."""

    def __init__(
        self,
        *,
        layers: Sequence[DecoderLayer],
        width: int,
        queries: int,
        transpose_first_anchors: bool,
    ) -> None:
        super().__init__()
        self.layers = Stack(layers)
        self.queries = nn.Parameter(torch.empty(queries, width))
        self.anchors = nn.Parameter(torch.empty(queries, 4))  # before the sigmoid
        self.anchor_places = Perceptron(2 * width, width, width)
        self.place_scale = Perceptron(width, width, width)
        self.class_heads = Stack(nn.Linear(width, 1) for _ in layers)
        self.box_heads = Stack(Perceptron(width, width, width, 4) for _ in layers)
        self.transpose_first_anchors = transpose_first_anchors

    def forward(self, memory: Memory, sentence: Tensor | None = None) -> list[Objects]:
        """What every layer says, first to last; each refines the boxes of the one before.

        Args:
            sentence: [N, C], added to every query of its frame.
        """
        frames = memory.tokens.shape[0]
        states = self.queries.expand(frames, -1, -1)
        if sentence is not None:
            states = states + sentence[:, None]
        anchors = self.anchors.sigmoid().expand(frames, -1, -1)
        return self.refine(states, anchors, memory)

    def place(
        self, index: int, states: Tensor, anchors: Tensor, layout: Layout
    ) -> tuple[Tensor, Tensor]:
        """Places are read off the anchors, and scaled by what a query holds after one layer."""
        references = self.references(anchors, layout, first=index == 0)
        places = self.anchor_places(encode_anchors(references[:, :, 0], states.shape[-1] // 2))
        return places * self.place_scale(states) if index > 0 else places, references

    def drawn_at_random(self) -> list[nn.Parameter]:
        """Queries and anchors."""
        return [self.queries, self.anchors]

    def references(self, anchors: Tensor, layout: Layout, *, first: bool) -> Tensor:
        """Anchors [N, Q, 4] on each level's canvas with its padding: [N, Q, levels, 4].

        The released code mixes up two axes in the first layer: its level l sees coordinate l four
        times over (`transpose_first_anchors`).
        """
        valid = layout.valid.repeat(1, 1, 2)[:, None]  # x, y, x, y
        transposed = first and self.transpose_first_anchors
        return (anchors[..., None] if transposed else anchors[:, :, None]) * valid


def logit(shares: Tensor) -> Tensor:
    """The inverse of the sigmoid, finite at 0 and 1."""
    shares = shares.clamp(0, 1)
    return (shares.clamp(min=LOGIT_EPSILON) / (1 - shares).clamp(min=LOGIT_EPSILON)).log()
