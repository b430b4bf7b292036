"""Vision-language fusion: each cell reads the words and is scaled by what it finds.

The paper's cross-attention fusion (MCA), with v a cell and k = words + places, u = words:

    fused = v * softmax(v k / sqrt(d)) u

The query clip and the support clip go through the same module. Frames do not meet here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.inputs import STRIDES, FramePyramid, Words
from stages.model.layers import Attention, Stack
from stages.model.positions import encode_words

COARSEST_MAP = STRIDES[-1]
STRETCH_EXPONENT = 1.3
STRETCH_EPSILON = 1e-5
NORM_GROUPS = 32
SENTENCE_EPSILON = 1e-12  # of the text projection's norm


@dataclass(frozen=True)
class ProjectedWords:
    """Words at the network's width: values [B, L, C], keys = values + places, padding [B, L]."""

    values: Tensor
    keys: Tensor
    padding: Tensor | None


class TextProjection(nn.Module):
    """Text states of any width to the network's."""

    def __init__(self, *, text_width: int, width: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(text_width, width)
        self.norm = nn.LayerNorm(width, eps=SENTENCE_EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """[..., text width] to [..., C]."""
        return self.dropout(self.norm(self.linear(states)))

    def words(self, words: Words, *, with_sentence: bool = False) -> ProjectedWords:
        """A batch of sentences with the place of each word; the sentence's state as first word."""
        states, padding = words.tokens, words.padding
        if with_sentence:
            states = torch.cat((words.sentence[:, None], states), dim=1)
            padding = None if padding is None else F.pad(padding, (1, 0), value=False)
        values = self(states)
        return ProjectedWords(values, values + encode_words(values, padding), padding)


class LevelProjection(nn.Module):
    """One encoder map to the network's width. Stride 64 is made from the map at 32."""

    def __init__(
        self, *, stride: int, channels: int, width: int, finer: Mapping[int, int] | None = None
    ) -> None:
        """`finer`: strides and channels of finer maps that are averaged down and added."""
        super().__init__()
        self.stride = stride
        self.source_stride = min(stride, COARSEST_MAP)
        kernel, step = (3, 2) if stride > COARSEST_MAP else (1, 1)
        self.convolution = nn.Conv2d(channels, width, kernel, stride=step, padding=kernel // 2)
        self.norm = nn.GroupNorm(NORM_GROUPS, width)
        self.finer = nn.ModuleDict(
            {str(s): nn.Conv2d(count, width, 1, bias=False) for s, count in (finer or {}).items()}
        )

    def forward(self, frames: FramePyramid, *, exact: bool = False) -> Tensor:
        """[B, T, h, w, C]; `exact` computes, and returns, float64."""
        source = frames.at(self.source_stride)
        maps = source.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        maps = self.project_exactly(maps) if exact else self.project(maps, frames)
        return maps.permute(0, 2, 3, 1).unflatten(0, source.shape[:2])

    def project(self, maps: Tensor, frames: FramePyramid) -> Tensor:
        """Maps [N, channels, h, w], and the finer ones of their frames, to [N, C, h, w]."""
        projected = self.convolution(maps)
        for stride, convolution in self.finer.items():
            detail = frames.at(int(stride)).flatten(0, 1)
            projected = projected + convolution(F.adaptive_avg_pool2d(detail, projected.shape[-2:]))
        return self.norm(projected)

    def project_exactly(self, maps: Tensor) -> Tensor:
        """The same 1x1 projection of [N, channels, h, w] in float64."""
        kernel, bias = self.convolution.weight.double().flatten(1), self.convolution.bias
        assert bias is not None
        with torch.autocast(maps.device.type, enabled=False):
            projected = F.linear(maps.permute(0, 2, 3, 1).double(), kernel, bias.double())
            gain, shift = self.norm.weight.double(), self.norm.bias.double()
            groups = projected.permute(0, 3, 1, 2)
            return F.group_norm(groups, NORM_GROUPS, gain, shift, self.norm.eps)


class VisionLanguageFusion(nn.Module):
    """Projects every level, then multiplies each cell by what it reads in the words."""

    def __init__(
        self,
        *,
        projections: Sequence[LevelProjection],
        attention: Attention,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.projections = Stack(projections)
        self.attention = attention

    def forward(
        self, frames: FramePyramid, words: ProjectedWords, *, stretch: bool = False
    ) -> list[Tensor]:
        """One map [B, T, h, w, C] a level.

        Args:
            stretch: widen small values first (levels that an encoder made, not stride 64).
        """
        levels = []
        for projection in self.projections:
            if stretch and projection.stride <= COARSEST_MAP:
                # At 0 the stretch is 470 times as steep as its argument: a rounding error of
                # float32 would come out as 1e-4. Apple's devices know no float64.
                exact = words.values.device.type != "mps"
                cells = power_log(projection(frames, exact=exact)).to(words.values.dtype)
            else:
                cells = projection(frames)
            levels.append(self.read_words(cells, words))
        return levels

    def read_words(self, cells: Tensor, words: ProjectedWords) -> Tensor:
        """Cells [B, T, h, w, C] times their attention over the words, or that added."""
        read = self.attention(cells.flatten(1, 3), words.keys, words.values, words.padding)
        read = read.view(cells.shape)
        return cells * (1 + read) if self.residual else cells * read


def power_log(values: Tensor) -> Tensor:
    """The odd function g(|v|) - g(0), signed, with g(a) = ln(1 + 1 / (a + 1e-5)) ** -1.3."""
    origin = torch.tensor(STRETCH_EPSILON, dtype=values.dtype).reciprocal().log1p()
    floor = float(origin.pow(-STRETCH_EXPONENT))
    stretched = (values.abs() + STRETCH_EPSILON).reciprocal().log1p().pow(-STRETCH_EXPONENT)
    return values.sign() * (stretched - floor)
