"""Instance sequences against a plain search over all assignments; the joint encoder's sequence."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from stages.model.baselines.mttr import MttrNetwork, join
from stages.model.baselines.sequences import (
    Sequences,
    clip_losses,
    sequence_costs,
    sequences_of,
)
from stages.model.fusion import ProjectedWords
from stages.model.matcher import LossWeights, assign
from stages.model.prediction import Truth
from tests.stages.model.baselines.plain import multi_head, normed
from tests.stages.model.baselines.test_networks import SIZE, network
from tests.stages.model.small import frames

WEIGHTS = LossWeights(score=2.0, mask=2.0, dice=5.0)


def clip() -> tuple[Tensor, Tensor, Sequences]:
    """Scores [T, Q] and masks [T, Q, h, w] of 4 sequences over 3 frames, and two objects; the
    described one is hidden in the last frame."""
    torch.manual_seed(0)
    masks = (torch.rand(2, 3, 4, 5) > 0.5).float()
    masks[0, 2] = 0
    referred = torch.tensor([[True, True, False], [False, False, False]])
    return torch.randn(3, 4), torch.randn(3, 4, 4, 5), Sequences(masks, referred)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def plain_dice(logits: Tensor, true: Tensor) -> float:
    shares = [sigmoid(float(value)) for value in logits.flatten()]
    covered = true.flatten().tolist()
    both = sum(p * t for p, t in zip(shares, covered, strict=True))
    return (2 * both + 1) / (sum(shares) + sum(covered) + 1)


def plain_cost(logits: Tensor, masks: Tensor, true: Sequences, query: int, object_: int) -> float:
    total = 0.0
    for frame in range(len(logits)):
        share = sigmoid(float(logits[frame, query]))
        label = share if true.referred[object_, frame] else 1 - share
        overlap = plain_dice(masks[frame, query], true.masks[object_, frame])
        total -= 2 * label + 5 * overlap
    return total / len(logits)


def test_each_object_gets_the_sequence_that_a_search_gives_it() -> None:
    logits, masks, true = clip()
    costs = sequence_costs(logits, masks, true, WEIGHTS)
    for query in range(4):
        for object_ in range(2):
            expected = plain_cost(logits, masks, true, query, object_)
            assert float(costs[query, object_]) == pytest.approx(expected, abs=1e-5)
    best = min(
        itertools.permutations(range(4), 2),
        key=lambda chosen: sum(float(costs[q, n]) for n, q in enumerate(chosen)),
    )
    assert tuple(assign(costs[None])[0].tolist()) == best


def test_losses_are_those_of_the_matched_sequences() -> None:
    logits, masks, true = clip()
    chosen = assign(sequence_costs(logits, masks, true, WEIGHTS)[None])[0].tolist()
    score, weight, focal, missed = 0.0, 0.0, list[float](), list[float]()
    for frame, query in itertools.product(range(3), range(4)):
        share = sigmoid(float(logits[frame, query]))
        is_it = query == chosen[0]
        label = is_it and bool(true.referred[0, frame])
        counts = 1.0 if is_it else 0.1
        score -= counts * math.log(share if label else 1 - share)
        weight += counts
    for object_, frame in itertools.product(range(2), range(3)):
        drawn, wanted = masks[frame, chosen[object_]], true.masks[object_, frame]
        missed.append(1 - plain_dice(drawn, wanted))
        for value, cell in zip(drawn.flatten(), wanted.flatten(), strict=True):
            right = sigmoid(float(value)) if cell else 1 - sigmoid(float(value))
            focal.append((0.25 if cell else 0.75) * (1 - right) ** 2 * -math.log(right))
    terms = clip_losses(logits, masks, true, WEIGHTS)
    expected = (score / weight, sum(focal) / len(focal), sum(missed) / len(missed))
    for term, value in zip(terms, expected, strict=True):
        assert float(term) == pytest.approx(value, rel=1e-4)


def test_a_twin_is_known_as_another_object_of_the_clip() -> None:
    masks = torch.zeros(3, 2, *SIZE, dtype=torch.bool)
    masks[0, :, :32], masks[1, :, 32:], masks[2, 0, :, :48] = True, True, True
    truth = Truth(masks, masks, torch.tensor([SIZE] * 3), twins=((0, 1),))
    first, second, third = sequences_of(truth, (16, 24), 4)
    assert torch.equal(first.masks, second.masks.flip(0)) and len(first.masks) == 2
    assert first.referred.tolist() == [[True, True], [False, False]]
    assert third.referred.tolist() == [[True, False]]
    assert first.masks[0, 0].sum() == 8 * 24 and third.masks[0, 1].sum() == 0


@torch.no_grad()
def test_a_frames_cells_and_words_are_one_sequence() -> None:
    torch.manual_seed(0)
    model = network("mttr").eval()
    assert isinstance(model, MttrNetwork)
    clips, cells = frames(1, 2, SIZE), torch.randn(1, 2, 4, 6, 32)
    words = torch.randn(2, 3, 32)
    joint = join(cells, clips, ProjectedWords(words, words, None))
    assert torch.equal(joint.tokens[1, :24].view(4, 6, 32), cells[0, 1])
    assert torch.equal(joint.tokens[1, 24:], words[1])
    assert not joint.places[:, 24:].any() and joint.places[:, :24].any()
    tokens, places = joint.tokens[1], joint.places[0]
    read, think = model.encoder.read[0], model.encoder.think[0]
    placed = tokens + places
    tokens = normed(read.norm, tokens, multi_head(read.attention, placed, placed, tokens))
    inner = think.feed_forward
    thought = (tokens @ inner.expand.weight.T + inner.expand.bias).clamp(min=0)
    tokens = normed(think.norm, tokens, thought @ inner.contract.weight.T + inner.contract.bias)
    torch.testing.assert_close(model.encoder(joint).tokens[1], tokens, rtol=1e-4, atol=1e-5)
