"""ReferFormer: language as queries. Of the paper's table 3; takes no support.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022. The paper's
network is built on it, so the parts are the same: fusion by multiplication at four levels, a
deformable encoder and decoder, a text-guided pixel decoder and dynamic masks. What differs is the
decoder: a few queries, the same for all frames, all hold the sentence's state and differ in a
learnt position alone; from that position a linear layer reads the point where each looks first.
Boxes are refined layer by layer, and detached between layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from configs.model import ModelConfig
from stages.model.build import (
    build_decoder_layers,
    build_encoder,
    build_fusion,
    build_mask_head,
    build_pixel_decoder,
    build_text,
)
from stages.model.decoder import DecoderLayer, Objects, RefiningDecoder
from stages.model.deformable import Layout
from stages.model.encoder import Memory
from stages.model.initialise import initialise_parts
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.layers import Perceptron, Stack
from stages.model.queries import QueryPrediction
from stages.model.query_network import QueryNetwork


class LanguageDecoder(RefiningDecoder):
    """Queries that are the sentence."""

    def __init__(self, *, layers: Sequence[DecoderLayer], width: int, queries: int) -> None:
        super().__init__()
        self.layers = Stack(layers)
        self.positions = nn.Parameter(torch.empty(queries, width))
        self.first_point = nn.Linear(width, 2)
        self.class_heads = Stack(nn.Linear(width, 1) for _ in layers)
        self.box_heads = Stack(Perceptron(width, width, width, 4) for _ in layers)
        nn.init.zeros_(self.first_point.bias)

    def forward(self, memory: Memory, sentence: Tensor) -> list[Objects]:
        """What every layer says, first to last. sentence: [N, C], the content of every query."""
        count = len(self.positions)
        points = self.first_point(self.positions).sigmoid().expand(len(sentence), -1, -1)
        return self.refine(sentence[:, None].expand(-1, count, -1), points, memory)

    def place(
        self, index: int, states: Tensor, anchors: Tensor, layout: Layout
    ) -> tuple[Tensor, Tensor]:
        """The learnt positions in all layers; references on each level's padded canvas."""
        valid = layout.valid.repeat(1, 1, anchors.shape[-1] // 2)[:, None]
        return self.positions.expand_as(states), anchors[:, :, None] * valid

    def drawn_at_random(self) -> list[nn.Parameter]:
        """The positions."""
        return [self.positions]


class ReferFormer(QueryNetwork):
    """Referring video object segmentation with language as queries."""

    decoder: LanguageDecoder

    def __init__(
        self, config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
    ) -> None:
        """config: its sizes count; of the options, those that are not the paper's additions."""
        super().__init__()
        config = replace(config, fusion_residual=False, finer_maps=False, clip_exchange=False)
        at_stride = dict(zip(STRIDES, channels, strict=True))
        self.config = config
        self.mask_stride = config.mask_stride
        self.text = build_text(config, text_width)
        self.fusion = build_fusion(config, at_stride)
        self.encoder = build_encoder(config)
        self.decoder = LanguageDecoder(
            layers=build_decoder_layers(config), width=config.hidden, queries=config.queries
        )
        self.pixel_decoder = build_pixel_decoder(config, at_stride)
        self.mask_head = build_mask_head(config)
        initialise_parts(self)

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> QueryPrediction:
        """Masks, boxes and scores of T query frames of B clips; the support is not looked at."""
        projected = self.text.words(words)
        sentence = self.text(words.sentence).repeat_interleave(query.maps[0].shape[1], dim=0)
        memory = self.encoder(self.fusion(query, projected), query, projected)
        encoded = dict(zip(self.config.levels, memory.layout.split(memory.tokens), strict=True))
        objects = self.decoder(memory, sentence)
        features = self.pixel_decoder(encoded, query, projected)
        return self.draw(objects if auxiliary else objects[-1:], features, query)
