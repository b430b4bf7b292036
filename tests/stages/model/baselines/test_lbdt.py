"""Duplex transfer against its formula, and what surrounds it in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from configs.training import TrainConfig
from stages.model.baselines.duplex import DuplexTransfer, TransferLayer
from stages.model.baselines.lbdt import ChannelGates, differences, sentence_mean
from stages.model.fusion import ProjectedWords
from stages.model.inputs import FramePyramid
from stages.model.prediction import Prediction, Truth
from tests.stages.model.baselines.plain import multi_head, normed
from tests.stages.model.baselines.test_networks import network


def plain_transfer(
    layer: TransferLayer, source: Tensor, target: Tensor, places: Tensor, said: Tensor, keys: Tensor
) -> Tensor:
    """Tokens [L, C] of one frame."""

    def read(part: str, tokens: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        module = getattr(layer, part)
        return normed(module.norm, tokens, multi_head(module.attention, query, key, value))

    words = read("words", said, keys, keys, said)
    words = read("ask", words, words, source + places, source + places)
    told = read("tell", target, target, words, words)
    inner = layer.think.feed_forward
    thought = (told @ inner.expand.weight.T + inner.expand.bias).clamp(min=0)
    return normed(layer.think.norm, told, thought @ inner.contract.weight.T + inner.contract.bias)


@torch.no_grad()
def test_two_layers_of_transfer_in_both_directions() -> None:
    torch.manual_seed(0)
    module = DuplexTransfer(layers=2, width=8, heads=2, dropout=0.0).eval()
    image, time, places = torch.randn(6, 8), torch.randn(6, 8), torch.randn(6, 8)
    said, keys = torch.randn(3, 8), torch.randn(3, 8)
    a, b = image, time
    for layer in module.layers:
        a, b = (
            plain_transfer(layer, b, a, places, said, keys),
            plain_transfer(layer, a, b, places, said, keys),
        )
    words = ProjectedWords(said[None], keys[None], None)
    told = module((image[None], time[None]), places[None], words, None)
    torch.testing.assert_close(told[0][0], (image + a).relu())
    torch.testing.assert_close(told[1][0], (time + b).relu())


@torch.no_grad()
def test_padding_is_neither_asked_nor_heard() -> None:
    torch.manual_seed(0)
    layer = TransferLayer(width=8, heads=2, dropout=0.0).eval()
    cells, places = torch.randn(1, 6, 8), torch.randn(1, 6, 8)
    other = cells.flip(1)
    said = torch.randn(1, 4, 8)
    silent = torch.tensor([[False, False, True, True]])
    beyond = torch.tensor([[False] * 4 + [True] * 2])
    few = layer(
        (cells[:, :4], other[:, :4]),
        places[:, :4],
        ProjectedWords(said[:, :2], said[:, :2], None),
        None,
    )
    many = layer((cells, other), places, ProjectedWords(said, said, silent), beyond)
    for short, long in zip(few, many, strict=True):
        torch.testing.assert_close(short, long[:, :4])


def test_the_temporal_stream_is_what_changed() -> None:
    maps = [torch.zeros(1, 3, 2, 4, 4) for _ in range(4)]
    for level in maps:
        level[:, 1], level[:, 2] = 3.0, 1.0
    first, second, third, fourth = maps
    changed = differences(FramePyramid((first, second, third, fourth), torch.tensor([[16, 16]])))
    for level in changed.maps:
        assert level.mean((2, 3, 4)).tolist() == [[0.0, 3.0, 2.0]]


@torch.no_grad()
def test_gates_multiply_each_channel() -> None:
    torch.manual_seed(0)
    gates = ChannelGates(width=4, sentence=3)
    streams, sentence = (torch.randn(2, 4, 5, 5), torch.randn(2, 4, 5, 5)), torch.randn(2, 3)
    pooled = [stream.flatten(2).mean(-1) for stream in streams]
    shared = torch.cat(pooled, -1) @ gates.shared.weight.T + gates.shared.bias
    for number, passed in enumerate(gates(streams, sentence, None)):
        own, both = gates.by_sentence[number], gates.by_both[number]
        first = torch.cat((pooled[number], sentence), -1) @ own.weight.T + own.bias
        second = shared.clamp(min=0) @ both.weight.T + both.bias
        share = 1 / (1 + (-first).exp()) / (1 + (-second).exp())
        torch.testing.assert_close(passed, streams[number] * share[:, :, None, None])


def test_a_sentence_is_the_mean_of_its_words() -> None:
    states = torch.tensor([[[1.0], [3.0], [8.0]]])
    assert float(sentence_mean(ProjectedWords(states, states, None))) == 4
    silent = torch.tensor([[False, False, True]])
    assert float(sentence_mean(ProjectedWords(states, states, silent))) == 2


def test_losses_in_closed_form() -> None:
    true = torch.zeros(1, 1, 64, 96, dtype=torch.bool)
    true[..., :48] = True
    cells = 16 * 24
    said = Prediction(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 16, 24))
    losses = network("lbdt").losses(
        said, Truth(true, true, torch.tensor([[64, 96]])), TrainConfig()
    )
    entropy = (1.5 + 1) / 2 * torch.tensor(2.0).log()
    dice = 1 - (2 * 0.5 * cells / 2 + 1) / (cells / 2 + cells / 2 + 1)
    assert float(losses.total) == pytest.approx(float(0.5 * entropy + 0.5 * dice), rel=1e-5)
