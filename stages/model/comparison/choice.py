"""The sentence's choice among what the support found.

Every found object becomes one token: its cells after vision-language fusion, averaged, with its
place, size and motion. The objects see one another and the words, and each gets a score. A score
only ever takes away from what the support found: with s the score of a cell's object,

    p(cell) = p(kind | support) exp(s - max s)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.comparison.clips import QueryClip
from stages.model.comparison.correlation import resized
from stages.model.comparison.instances import GEOMETRY, Instances, geometry
from stages.model.fusion import ProjectedWords, TextProjection, VisionLanguageFusion
from stages.model.inputs import FramePyramid, Words
from stages.model.layers import AddNorm, Attention, FeedForward, Stack

PLACE = 4  # numbers that `cell_places` tells of a cell
EVIDENCE = 2  # numbers that `evidence` tells of an object
TRUST = 0.5  # what a unit of evidence adds to an object's score, before training


@dataclass(frozen=True)
class Choice:
    """scores: [N] of objects; preference: [T, h, w], log of each cell's factor, at most 0."""

    scores: Tensor
    preference: Tensor


class ObjectLayer(nn.Module):
    """Objects read one another and the words."""

    def __init__(self, *, attention: Attention, feed_forward: FeedForward, dropout: float) -> None:
        super().__init__()
        width = attention.output.in_features
        self.attention = attention
        self.attention_norm = AddNorm(width, dropout)
        self.feed_forward = feed_forward
        self.feed_forward_norm = AddNorm(width, dropout)

    def forward(self, objects: Tensor, words: ProjectedWords) -> Tensor:
        """[1, N, C] to the same."""
        keys = torch.cat((objects, words.keys), dim=1)
        values = torch.cat((objects, words.values), dim=1)
        ignored = None
        if words.padding is not None:
            ignored = F.pad(words.padding, (objects.shape[1], 0), value=False)
        objects = self.attention_norm(objects, self.attention(objects, keys, values, ignored))
        return self.feed_forward_norm(objects, self.feed_forward(objects))


class SentenceChoice(nn.Module):
    """Words against cells, and objects against one another."""

    def __init__(
        self,
        *,
        text: TextProjection,
        fusion: VisionLanguageFusion,
        layers: Sequence[ObjectLayer],
        width: int,
    ) -> None:
        super().__init__()
        self.text = text
        self.fusion = fusion
        self.place = nn.Linear(PLACE, width)
        self.geometry = nn.Linear(GEOMETRY + EVIDENCE, width)
        self.trust = nn.Parameter(torch.tensor(TRUST))
        self.layers = Stack(layers)
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.score.weight)  # at first the support's evidence decides alone

    def forward(self, clip: QueryClip, words: Words, kind: Tensor, objects: Instances) -> Choice:
        """The choice of one sentence (a batch of one) among the objects of one clip.

        Args:
            kind: [T, h, w] logits that a cell is of the support's kind, at stride 8.
        """
        said = self.text.words(words, with_sentence=True)
        cells = self.fusion(one_clip(clip), said)[0][0]  # [T, h', w', C] at stride 16
        coarse = (cells.shape[1], cells.shape[2])
        found = (kind.sigmoid() * objects.found)[:, None]
        cells = cells + self.place(cell_places(resized(found, coarse)[:, 0]))
        sure = evidence(kind, objects)
        told = torch.cat((geometry(objects), sure), dim=-1)
        tokens = (pooled(cells, objects) + self.geometry(told))[None]
        for layer in self.layers:
            tokens = layer(tokens, said)
        scores = self.score(tokens)[0, :, 0] + self.trust * sure[:, 0]
        return Choice(scores, preference(scores, objects))


def preference(scores: Tensor, objects: Instances) -> Tensor:
    """s - max s of the nearest object of each cell, [T, h, w]; 0 in frames without one."""
    behind = (scores - scores.max())[objects.labels.clamp(min=0)]
    return torch.where(objects.labels >= 0, behind, 0)


def restrict(logits: Tensor, log_factor: Tensor) -> Tensor:
    """Logits of sigmoid(logits) exp(log_factor), for log_factor <= 0."""
    share = F.logsigmoid(logits) + log_factor
    return share - torch.log(-torch.expm1(share.clamp(max=-1e-6)))


def evidence(kind: Tensor, objects: Instances) -> Tensor:
    """How sure the support is of each object, less the surest's: [N, 2], at most 0.

    Mean and maximum of its cells' logits [T, h, w]. What is no object of the kind is less sure.
    """
    shares = objects.shares().flatten(1)
    mean = shares @ kind.flatten() / shares.sum(-1).clamp(min=1)
    peak = torch.where(shares > 0, kind.flatten(), kind.min()).amax(-1)
    return torch.stack((mean - mean.max(), peak - peak.max()), dim=-1)


def pooled(cells: Tensor, objects: Instances) -> Tensor:
    """Mean of the cells [T, h', w', C] of each object, [N, C]."""
    shape = (cells.shape[1], cells.shape[2])
    shares = F.adaptive_avg_pool2d(objects.shares(), shape).flatten(1)
    return shares @ cells.flatten(0, 2) / shares.sum(-1, keepdim=True).clamp(min=1e-6)


def cell_places(kind: Tensor) -> Tensor:
    """Where cells lie in the frame and among what is found, [T, h, w, `PLACE`].

    x and y in [-1, 1], then less the mean of the found cells and over their spread.
    """
    frames, height, width = kind.shape
    y = torch.linspace(-1, 1, height, device=kind.device)[None, :, None].expand(kind.shape)
    x = torch.linspace(-1, 1, width, device=kind.device)[None, None].expand(kind.shape)
    weight = kind / kind.sum((-2, -1), keepdim=True).clamp(min=1e-6)
    places = []
    for axis in (x, y):
        mean = (weight * axis).sum((-2, -1), keepdim=True)
        spread = (weight * (axis - mean) ** 2).sum((-2, -1), keepdim=True).sqrt()
        places.append((axis - mean) / (spread + 0.1))
    return torch.stack((x, y, *places), dim=-1)


def one_clip(clip: QueryClip) -> FramePyramid:
    """The maps of a clip as a batch of one."""
    first, second, third, fourth = (maps[None] for maps in clip.maps.values())
    height, width = (4 * side for side in clip.shape(4))
    return FramePyramid((first, second, third, fourth), torch.tensor([[height, width]]))
