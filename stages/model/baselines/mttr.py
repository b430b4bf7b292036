"""MTTR: one transformer over pixels and words, objects as sequences. Of the paper's table 3.

Botach et al., CVPR 2022; takes no support. The cells of a frame and the words lie in one sequence,
which an encoder mixes; a decoder's queries, the same in every frame, read it. A query's score says
whether it is the described object (of the method's two classes, a softmax over which is the
sigmoid of their difference), its kernel draws its mask out of features at stride 4. What a query
says in all frames is one object: `stages.model.baselines.sequences`.

The method's backbone mixes frames; frozen maps of single frames do not, so that time enters through
the matching and the mean score alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.baselines.blocks import Reading, Thinking, every_frame
from stages.model.baselines.sequences import sequence_losses, sequences_of
from stages.model.build import build_text
from stages.model.fusion import LevelProjection, ProjectedWords
from stages.model.initialise import quiet_attention
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.layers import Perceptron, Stack
from stages.model.matcher import LossWeights
from stages.model.network import Network
from stages.model.positions import encode_cells
from stages.model.prediction import Losses, Prediction, Truth

GRID = 16  # stride of the cells that are read with the words
KERNEL = 8  # channels of the mask features
NORM_GROUPS = 8


@dataclass(frozen=True)
class SequencePrediction(Prediction):
    """Q instance sequences. auxiliary: the same from the decoder layers before the last."""

    auxiliary: tuple[Prediction, ...] = ()


@dataclass(frozen=True)
class Joint:
    """Cells, then words, of each frame: [N, h*w + L, C]; places likewise, zero for words; padding
    [N, h*w + L] bool, or None."""

    tokens: Tensor
    places: Tensor
    padding: Tensor | None


class JointEncoder(nn.Module):
    """Self-attention over the cells and words of a frame."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.read = Stack(_reading(config) for _ in range(config.encoder_layers))
        self.think = Stack(_thinking(config) for _ in range(config.encoder_layers))

    def forward(self, joint: Joint) -> Joint:
        """The same, mixed."""
        tokens = joint.tokens
        for read, think in zip(self.read, self.think, strict=True):
            placed = tokens + joint.places
            tokens = think(read(tokens, placed, placed, tokens, joint.padding))
        return Joint(tokens, joint.places, joint.padding)


class SequenceDecoder(nn.Module):
    """Queries that start empty and differ in a learnt place, alike in all frames."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        count = config.decoder_layers
        self.places = nn.Parameter(torch.randn(config.queries, config.hidden))
        self.meet = Stack(_reading(config) for _ in range(count))
        self.read = Stack(_reading(config) for _ in range(count))
        self.think = Stack(_thinking(config) for _ in range(count))
        self.norm = nn.LayerNorm(config.hidden)  # of what every layer says

    def forward(self, memory: Joint) -> list[Tensor]:
        """States [N, Q, C] after every layer."""
        places = self.places.expand(len(memory.tokens), -1, -1)
        keys = memory.tokens + memory.places
        states, said = torch.zeros_like(places), list[Tensor]()
        for meet, read, think in zip(self.meet, self.read, self.think, strict=True):
            placed = states + places
            states = meet(states, placed, placed, states)
            states = read(states, states + places, keys, memory.tokens, memory.padding)
            states = think(states)
            said.append(self.norm(states))
        return said


class SpatialDecoder(nn.Module):
    """From encoded cells to mask features at stride 4; the encoder's finer maps are added."""

    def __init__(self, *, width: int, finer: tuple[int, int]) -> None:
        """finer: channels of the maps at strides 8 and 4."""
        super().__init__()
        widths = (width, width, width // 2, width // 4, width // 8)
        self.convolutions = Stack(
            nn.Conv2d(source, target, 3, padding=1)
            for source, target in zip(widths[:-1], widths[1:], strict=True)
        )
        self.norms = Stack(
            nn.GroupNorm(math.gcd(NORM_GROUPS, count), count) for count in widths[1:]
        )
        self.skips = Stack(
            nn.Conv2d(count, target, 1) for count, target in zip(finer, widths[2:4], strict=True)
        )
        self.output = nn.Conv2d(widths[-1], KERNEL, 3, padding=1)

    def forward(self, cells: Tensor, frames: FramePyramid) -> Tensor:
        """Cells [N, h, w, C] to features [N, 8, h4, w4]."""
        maps = cells.permute(0, 3, 1, 2)
        for number, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            maps = F.relu(norm(convolution(maps)))
            if number in (1, 2):
                finer = frames.at((8, 4)[number - 1]).flatten(0, 1)
                spread = F.interpolate(maps, size=(finer.shape[-2], finer.shape[-1]))
                maps = spread + self.skips[number - 1](finer)
        return self.output(maps)


class MttrNetwork(Network):
    """Referring segmentation by one multimodal transformer."""

    mask_stride = 4

    def __init__(
        self, config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
    ) -> None:
        super().__init__()
        at_stride, width = dict(zip(STRIDES, channels, strict=True)), config.hidden
        self.text = build_text(config, text_width)
        self.projection = LevelProjection(stride=GRID, channels=at_stride[GRID], width=width)
        self.encoder = JointEncoder(config)
        self.decoder = SequenceDecoder(config)
        self.score = nn.Linear(width, 1)
        self.kernel = Perceptron(width, width, KERNEL)
        self.spatial = SpatialDecoder(width=width, finer=(at_stride[8], at_stride[4]))
        for part in (self.encoder, self.decoder):
            for name, parameter in part.named_parameters():
                if parameter.dim() > 1 and name != "places":
                    nn.init.xavier_uniform_(parameter)
        quiet_attention(self)

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> SequencePrediction:
        """Scores and masks of Q sequences a clip; the support is not looked at."""
        cells = self.projection(query)
        clip, grid = cells.shape[:2], (cells.shape[2], cells.shape[3])
        memory = self.encoder(join(cells, query, every_frame(self.text.words(words), clip[1])))
        encoded = memory.tokens[:, : grid[0] * grid[1]].unflatten(1, grid)
        features = self.spatial(encoded, query)
        said = self.decoder(memory)
        layers = [
            Prediction(
                self.score(states).unflatten(0, clip),
                torch.einsum("nqc,nchw->nqhw", self.kernel(states), features).unflatten(0, clip),
            )
            for states in (said if auxiliary else said[-1:])
        ]
        return SequencePrediction(layers[-1].logits, layers[-1].masks, tuple(layers[:-1]))

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """Score, mask and dice terms of every decoder layer, matched anew in each."""
        assert isinstance(prediction, SequencePrediction)
        grid = (prediction.masks.shape[-2], prediction.masks.shape[-1])
        known, weights = sequences_of(truth, grid, self.mask_stride), LossWeights.of(options)
        layers = {"": prediction} | {f"_{n}": layer for n, layer in enumerate(prediction.auxiliary)}
        terms: dict[str, Tensor] = {}
        total = prediction.masks.new_zeros((), dtype=torch.float32)
        for suffix, layer in layers.items():
            for name, (weight, value) in sequence_losses(layer, known, weights).items():
                terms[name + suffix] = value
                total = total + weight * value
        return Losses(total, terms)


def join(cells: Tensor, frames: FramePyramid, words: ProjectedWords) -> Joint:
    """Cells [B, T, h, w, C] and the words of every frame in one sequence a frame."""
    height, width, channels = cells.shape[2:]
    padding = frames.padding_at(height, width)
    tokens = torch.cat((cells.flatten(0, 1).flatten(1, 2), words.values), dim=1)
    places = encode_cells(height, width, channels, padding, cells.device).flatten(1, 2)
    length = words.values.shape[1]
    ignored = None
    if padding is not None or words.padding is not None:
        own = words.values.new_zeros(len(tokens), length, dtype=torch.bool)
        seen = own.new_zeros(len(tokens), height * width)
        ignored = torch.cat(
            (
                seen if padding is None else padding.flatten(1),
                own if words.padding is None else words.padding,
            ),
            dim=1,
        )
    return Joint(tokens, F.pad(places, (0, 0, 0, length)), ignored)


def _reading(config: ModelConfig) -> Reading:
    return Reading(width=config.hidden, heads=config.heads, dropout=config.dropout)


def _thinking(config: ModelConfig) -> Thinking:
    return Thinking(width=config.hidden, inner=config.feed_forward, dropout=config.dropout)
