"""How a network starts."""

from __future__ import annotations

import math

import torch

from configs.model import ModelConfig
from stages.model import build_model
from tests.stages.model.small import CHANNELS, TEXT_WIDTH


def test_no_parameter_is_left_unset() -> None:
    """Memory that nobody filled would differ between two builds of one seed."""
    config = ModelConfig.of("default", hidden=32, feed_forward=16, encoder_layers=1)
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build_model(config, CHANNELS, TEXT_WIDTH).state_dict())
        torch.full((500_000,), 7.0)  # dirty the allocator
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
        assert tensor.isfinite().all()


def test_sampling_points_start_on_rings_in_every_direction() -> None:
    model = build_model(ModelConfig.of("official", hidden=32), CHANNELS, TEXT_WIDTH)
    attention = model.encoder.layers[0].attention
    offsets = attention.offsets.bias.detach().view(8, 4, 4, 2)
    torch.testing.assert_close(offsets[0, 2], torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]]))
    torch.testing.assert_close(offsets[1, 0, 1], torch.tensor([2.0, 2.0]))
    torch.testing.assert_close(offsets[4, 3, 0], torch.tensor([-1.0, 0.0]), atol=1e-6, rtol=0)
    assert attention.offsets.weight.abs().max() == 0
    assert attention.weights.weight.abs().max() == 0


def test_heads_start_rare_and_narrow() -> None:
    model = build_model(ModelConfig.of("official", hidden=32), CHANNELS, TEXT_WIDTH)
    for head in model.decoder.class_heads:
        assert math.isclose(float(head.bias.detach()), -math.log(99), rel_tol=1e-6)
    biases = [head.layers[-1].bias.detach().tolist() for head in model.decoder.box_heads]
    assert biases == [[0.0, 0.0, -2.0, -2.0]] + [[0.0] * 4] * 3
    assert all(head.layers[-1].weight.abs().max() == 0 for head in model.decoder.box_heads)
