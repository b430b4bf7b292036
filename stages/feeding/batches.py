"""Episodes to tensors: what the network is fed, from any source of features.

A source gives maps and text states by video and sentence; it may read the cache or run the
encoders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.views import PLAIN, View
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.runs.checkpoint import Encoders


class FeatureSource(Protocol):
    """Where maps and text states come from."""

    encoders: Encoders

    def prepare(self, videos: Sequence[str], augmented: bool = False) -> None:
        """Raise MissingError now, before any work, where a video's maps are not at hand.

        augmented: those of all its views.
        """

    def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
        """Views of a video to train on, in random order; the plain one is among them."""

    def size(self, video: str) -> tuple[int, int]:
        """(H, W) of a video's frames at network input size, pixels."""

    def maps(self, video: str, frame_indices: Sequence[int], view: View = PLAIN) -> list[Tensor]:
        """Four levels of [T, C, h, w], float32 on the source's device."""

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token states [L, W] and sentence state [W]."""


@dataclass(frozen=True)
class EpisodeBatch:
    """B episodes of T query and S support frames.

    The support's masks lie on its padded canvas. targets: bool [B, T, H, W] on the query's padded
    canvas, or None when the truth is not asked for; empty where the support is of another kind
    than the described object. kind: the same of every object of the support's kind; None where the
    described object is the only one known. twins: rows that differ in the sentence alone.
    """

    query: FramePyramid
    words: Words
    support: Support
    targets: Tensor | None = None
    kind: Tensor | None = None
    twins: tuple[tuple[int, int], ...] = ()


def collate(
    dataset: Dataset,
    source: FeatureSource,
    episodes: Sequence[Episode],
    device: torch.device,
    sentences: Sequence[str] | None = None,
    with_targets: bool = True,
) -> EpisodeBatch:
    """Tensors of `episodes`, which have equally many query and equally many support frames.

    `sentences` replaces the queries' own (the controls of the evaluation do so); a mirrored clip
    is told them with its sides swapped. Maps of clips that several episodes share are read once.
    """
    queries, supports = [e.query for e in episodes], [e.support for e in episodes]
    texts = [clip.expression.text for clip in queries] if sentences is None else sentences
    asked = [clip.told(text) for clip, text in zip(queries, texts, strict=True)]
    shown = [clip.told(clip.expression.text) for clip in supports]
    own = [frozenset({clip.expression.object_id}) for clip in supports]
    support = Support(
        frames=_pyramid(source, supports),
        words=make_words([source.text(text) for text in shown], device),
        masks=_masks(dataset, source, supports, [own], device)[0].float(),
    )
    kinds = [_of_the_supports_kind(dataset, episode) for episode in episodes]
    asked_for = [
        kind & {clip.expression.object_id} for kind, clip in zip(kinds, queries, strict=True)
    ]
    targets, kind = (
        _masks(dataset, source, queries, [asked_for, kinds], device)
        if with_targets
        else (None, None)
    )
    return EpisodeBatch(
        query=_pyramid(source, queries),
        words=make_words([source.text(text) for text in asked], device),
        support=support,
        targets=targets,
        kind=kind,
    )


def _of_the_supports_kind(dataset: Dataset, episode: Episode) -> frozenset[int]:
    """Ids of the query video's objects that are of the kind that the support shows."""
    shown = episode.support
    kind = dataset.videos[shown.video].objects[shown.expression.object_id]
    objects = dataset.videos[episode.query.video].objects
    return frozenset(number for number, category in objects.items() if category == kind)


def make_words(
    states: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], device: torch.device
) -> Words:
    """Token states [L_i, W] padded to the longest, with their padding and sentence states."""
    longest = max(len(tokens) for tokens, _ in states)
    padded = np.zeros((len(states), longest, states[0][0].shape[1]), np.float32)
    padding = np.ones((len(states), longest), bool)
    for row, (tokens, _) in enumerate(states):
        padded[row, : len(tokens)] = tokens
        padding[row, : len(tokens)] = False
    sentence = np.stack([state for _, state in states]).astype(np.float32)
    return Words(
        tokens=torch.from_numpy(padded).to(device),
        padding=torch.from_numpy(padding).to(device) if padding.any() else None,
        sentence=torch.from_numpy(sentence).to(device),
    )


def _pyramid(source: FeatureSource, clips: Sequence[Clip]) -> FramePyramid:
    wanted = {(clip.video, clip.frames, clip.view): None for clip in clips}
    read = {key: source.maps(*key) for key in wanted}
    pyramids = [
        [
            clip.cells.apply(level, stride)
            for stride, level in zip(STRIDES, read[clip.video, clip.frames, clip.view], strict=True)
        ]
        for clip in clips
    ]
    return stack_pyramids(pyramids, [_size(source, clip) for clip in clips])


def _size(source: FeatureSource, clip: Clip) -> tuple[int, int]:
    return clip.cells.size(source.size(clip.video))


def stack_pyramids(
    pyramids: Sequence[Sequence[Tensor]], sizes: Sequence[tuple[int, int]]
) -> FramePyramid:
    """B pyramids of maps [T, C, h, w] on one canvas, zero-padded at the bottom and right.

    Equal sizes need no padding mask, which saves the network the work of honouring one.
    """
    size = torch.tensor(sizes)
    if len(set(sizes)) == 1:
        first, second, third, fourth = (torch.stack(m) for m in zip(*pyramids, strict=True))
        return FramePyramid((first, second, third, fourth), size)
    height, width = canvas(sizes)
    first, second, third, fourth = (
        torch.stack([_pad(m, -(-height // stride), -(-width // stride)) for m in level])
        for stride, level in zip(STRIDES, zip(*pyramids, strict=True), strict=True)
    )
    padding = torch.ones(len(sizes), first.shape[1], height, width, dtype=torch.bool)
    for row, (h, w) in enumerate(sizes):
        padding[row, :, :h, :w] = False
    return FramePyramid((first, second, third, fourth), size, padding.to(first.device))


def canvas(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """(H, W) that holds all sizes; a multiple of 32 where they differ, as in the paper's code."""
    if len(set(sizes)) == 1:
        return sizes[0]
    height, width = (max(side) for side in zip(*sizes, strict=True))
    return -(-height // 32) * 32, -(-width // 32) * 32


def _masks(
    dataset: Dataset,
    source: FeatureSource,
    clips: Sequence[Clip],
    choices: Sequence[Sequence[frozenset[int]]],
    device: torch.device,
) -> list[Tensor]:
    """Where each clip shows any of its chosen objects, [B, T, H, W] bool on the padded canvas.

    One tensor a choice, which holds one set of object ids a clip; files are read once for all.
    """
    height, width = canvas([_size(source, clip) for clip in clips])
    rows: list[list[Tensor]] = [[] for _ in choices]
    for number, clip in enumerate(clips):
        size = source.size(clip.video)
        ids = {f: clip.view.mask(dataset.masks(clip.video, f), size) for f in set(clip.frames)}
        for chosen, drawn in zip(choices, rows, strict=True):
            mask = np.stack([np.isin(ids[f], list(chosen[number])) for f in clip.frames])
            drawn.append(_pad(clip.cells.apply(torch.from_numpy(mask), 1), height, width))
    return [torch.stack(drawn).to(device) for drawn in rows]


def _pad(maps: Tensor, height: int, width: int) -> Tensor:
    return F.pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))
