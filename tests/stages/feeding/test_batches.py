"""Episodes to tensors: what lies where, and what counts as padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.views import PLAIN, View
from stages.feeding.batches import canvas, collate, make_words, stack_pyramids
from stages.runs.checkpoint import Encoders

DEVICE = torch.device("cpu")
CHANNELS = (1, 2, 3, 4)
STRIDES = (4, 8, 16, 32)


class Source:
    """Maps whose values say the video, frame and channel; as many words as the sentence has."""

    def __init__(self, dataset: Dataset) -> None:
        self.encoders = Encoders(CHANNELS, 5, "", "")
        self.dataset = dataset
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def size(self, video: str) -> tuple[int, int]:
        ids = self.dataset.masks(video, 0)
        return ids.shape[0], ids.shape[1]

    def maps(self, video: str, frame_indices: Sequence[int], view: View = PLAIN) -> list[Tensor]:
        self.asked.append((video, tuple(frame_indices)))
        height, width = self.size(video)
        levels = []
        for channels, stride in zip(CHANNELS, STRIDES, strict=True):
            shape = (len(frame_indices), channels, -(-height // stride), -(-width // stride))
            level = np.ones(shape, np.float32)
            level *= 1 + np.asarray(frame_indices, np.float32)[:, None, None, None]
            level *= 10 ** np.arange(channels, dtype=np.float32)[:, None, None]
            levels.append(torch.from_numpy(level))
        return levels

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        count = len(sentence.split())
        tokens = np.full((count, 5), len(sentence), np.float32)
        return tokens, np.full(5, count, np.float32)


@pytest.fixture
def source(blocks: Dataset) -> Source:
    return Source(blocks)


def clip(dataset: Dataset, video: str, *frames: int) -> Clip:
    return Clip(video, dataset.videos[video].targets[0], frames)


def episode(dataset: Dataset, query: Clip, support: Clip) -> Episode:
    return Episode(query, support, dataset.videos[query.video].category)


def test_equal_sizes_are_stacked_without_padding(blocks: Dataset, source: Source) -> None:
    support = clip(blocks, "ant1", 5)
    queries = [clip(blocks, "ant0", 0, 2), clip(blocks, "bee0", 1, 3)]
    batch = collate(blocks, source, [episode(blocks, q, support) for q in queries], DEVICE)
    assert batch.query.padding is None
    assert batch.support.frames.padding is None
    assert batch.query.size.tolist() == [[64, 96], [64, 96]]
    for level, channels, stride in zip(batch.query.maps, CHANNELS, STRIDES, strict=True):
        assert level.shape == (2, 2, channels, 64 // stride, 96 // stride)
        for row, frames in enumerate([(0, 2), (1, 3)]):
            for place, frame in enumerate(frames):
                for channel in range(channels):
                    assert (level[row, place, channel] == (1 + frame) * 10**channel).all()
    assert batch.targets is not None and batch.targets.dtype == torch.bool
    for row, query in enumerate(queries):
        for place, frame in enumerate(query.frames):
            expected = blocks.masks(query.video, frame) == query.expression.object_id
            expected &= row == 0  # the other clip shows no object of the support's kind
            assert batch.targets[row, place].numpy().tolist() == expected.tolist()
    expected = blocks.masks("ant1", 5) == 1
    assert batch.support.masks.shape == (2, 1, 64, 96)
    assert (batch.support.masks[1, 0].numpy() == expected).all()


def test_two_sizes_are_padded_at_the_bottom_and_right(blocks: Dataset, source: Source) -> None:
    wide, high = clip(blocks, "ant0", 0, 1), clip(blocks, "ant2", 2, 3)
    batch = collate(
        blocks, source, [episode(blocks, wide, high), episode(blocks, high, wide)], DEVICE
    )
    assert batch.query.size.tolist() == [[64, 96], [96, 64]]
    assert batch.support.frames.size.tolist() == [[96, 64], [64, 96]]
    assert batch.query.padding is not None and batch.targets is not None
    assert batch.query.padding.shape == (2, 2, 96, 96)
    assert batch.targets.shape == (2, 2, 96, 96)
    for row, (query, (height, width)) in enumerate([(wide, (64, 96)), (high, (96, 64))]):
        valid = ~batch.query.padding[row, 0]
        assert valid[:height, :width].all() and int(valid.sum()) == height * width
        assert torch.equal(batch.query.padding[row, 0], batch.query.padding[row, 1])
        for level, stride in zip(batch.query.maps, STRIDES, strict=True):
            own = level[row, 0, 0]
            rows, columns = height // stride, width // stride
            assert own.shape == (96 // stride, 96 // stride)
            assert (own[:rows, :columns] == 1 + query.frames[0]).all()
            assert int(own.count_nonzero()) == rows * columns
        for place, frame in enumerate(query.frames):
            truth = blocks.masks(query.video, frame) == query.expression.object_id
            assert (batch.targets[row, place, :height, :width].numpy() == truth).all()
            assert int(batch.targets[row, place].sum()) == int(truth.sum())
    support = batch.support.masks
    assert int(support[0, 0].sum()) == int((blocks.masks("ant2", 2) == 1).sum())
    assert int(support[1, 0].sum()) == int((blocks.masks("ant0", 0) == 1).sum())


def test_clips_that_episodes_share_are_read_once(blocks: Dataset, source: Source) -> None:
    support, query = clip(blocks, "ant1", 5), clip(blocks, "ant0", 0, 2)
    twins = [episode(blocks, query, support), episode(blocks, query, support)]
    batch = collate(blocks, source, twins, DEVICE)
    assert sorted(source.asked) == [("ant0", (0, 2)), ("ant1", (5,))]
    assert torch.equal(batch.query.maps[0][0], batch.query.maps[0][1])


def test_given_sentences_replace_the_queries_own(blocks: Dataset, source: Source) -> None:
    query, support = clip(blocks, "ant0", 0), clip(blocks, "ant1", 1)
    episodes = [episode(blocks, query, support)] * 2
    own = collate(blocks, source, episodes, DEVICE)
    assert own.words.sentence[:, 0].tolist() == [3, 3]  # "the left ant"
    asked = collate(blocks, source, episodes, DEVICE, ["one", "one two"], with_targets=False)
    assert asked.words.sentence[:, 0].tolist() == [1, 2]
    assert asked.support.words.sentence[:, 0].tolist() == [3, 3]
    assert asked.targets is None


def test_a_mask_names_the_expressions_object(blocks: Dataset, source: Source) -> None:
    first, second = blocks.videos["bee1"].targets
    query = Clip("bee1", first, (0, 4))
    twins = [
        episode(blocks, query, clip(blocks, "bee0", 0)),
        episode(blocks, replace(query, expression=second), clip(blocks, "bee0", 0)),
    ]
    batch = collate(blocks, source, twins, DEVICE)
    assert batch.targets is not None
    ids = np.stack([blocks.masks("bee1", frame) for frame in (0, 4)])
    assert (batch.targets[0].numpy() == (ids == 1)).all()
    assert (batch.targets[1].numpy() == (ids == 2)).all()


def test_words_are_padded_to_the_longest() -> None:
    rng = np.random.default_rng(0)
    states = [
        (rng.random((count, 4), dtype=np.float32), rng.random(4, dtype=np.float32))
        for count in (2, 5, 1)
    ]
    words = make_words(states, DEVICE)
    assert words.tokens.shape == (3, 5, 4)
    assert words.padding is not None
    assert (~words.padding).sum(1).tolist() == [2, 5, 1]
    for row, (tokens, sentence) in enumerate(states):
        assert (words.tokens[row, : len(tokens)].numpy() == tokens).all()
        assert not words.tokens[row, len(tokens) :].any()
        assert not words.padding[row, : len(tokens)].any()
        assert (words.sentence[row].numpy() == sentence).all()


def test_words_of_one_length_have_no_padding() -> None:
    state = np.ones((3, 4), np.float32), np.ones(4, np.float32)
    assert make_words([state, state], DEVICE).padding is None


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(50, 70)], (50, 70)),
        ([(50, 70), (50, 70)], (50, 70)),
        ([(64, 96), (96, 64)], (96, 96)),
        ([(50, 70), (40, 80)], (64, 96)),
        ([(64, 64), (65, 64)], (96, 64)),
    ],
)
def test_the_canvas_is_a_multiple_of_32_where_sizes_differ(
    sizes: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    assert canvas(sizes) == expected


def test_maps_of_odd_sizes_fit_the_canvas() -> None:
    sizes = [(50, 70), (40, 81)]
    pyramids = [
        [torch.ones(1, 1, -(-height // stride), -(-width // stride)) for stride in STRIDES]
        for height, width in sizes
    ]
    stacked = stack_pyramids(pyramids, sizes)
    assert [tuple(level.shape[-2:]) for level in stacked.maps] == [
        (16, 24),
        (8, 12),
        (4, 6),
        (2, 3),
    ]
    assert stacked.padding is not None
    assert (~stacked.padding).sum((1, 2, 3)).tolist() == [50 * 70, 40 * 81]


def test_kind_is_every_object_of_the_supports_kind(blocks: Dataset, source: Source) -> None:
    query = clip(blocks, "bee1", 0, 1)
    alike, other = clip(blocks, "bee0", 2), clip(blocks, "ant0", 2)
    batch = collate(blocks, source, [episode(blocks, query, s) for s in (alike, other)], DEVICE)
    assert batch.kind is not None and batch.targets is not None
    for place, frame in enumerate(query.frames):
        ids = blocks.masks("bee1", frame)
        height, width = ids.shape
        assert (batch.kind[0, place, :height, :width].numpy() == (ids > 0)).all()
        assert (batch.targets[0, place, :height, :width].numpy() == (ids == 1)).all()
    assert not batch.kind[1].any() and not batch.targets[1].any()
