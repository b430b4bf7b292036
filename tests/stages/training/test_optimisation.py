"""The schedule against its closed forms, and which parameters decay or stay."""

from __future__ import annotations

import math

import pytest
from torch import nn

from configs import ModelConfig, TrainConfig
from stages.model.networks import build_network
from stages.training.optimisation import FINAL_SHARE, make_optimizer, make_schedule


def rates(config: TrainConfig, steps: int) -> list[float]:
    """Learning rates of the first steps."""
    optimizer = make_optimizer(nn.Linear(2, 2), config)
    schedule = make_schedule(optimizer, config)
    seen = []
    for _ in range(steps):
        seen.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return seen


def test_warm_up_is_linear_and_the_cosine_ends_low() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, learning_rate=1.0)
    seen = rates(config, 101)
    halfway = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5
    assert seen[0] == pytest.approx(0.1)
    assert seen[50] == pytest.approx(halfway)
    assert seen[100] == pytest.approx(FINAL_SHARE)
    cosine = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * 0.04))
    assert seen[4] == pytest.approx(0.5 * cosine)


def test_drops_divide_by_ten() -> None:
    config = TrainConfig(
        schedule="drops", drops=(3, 5), warmup_steps=0, learning_rate=1.0, steps=10
    )
    assert rates(config, 7) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_norms_and_biases_do_not_decay() -> None:
    optimizer = make_optimizer(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), TrainConfig())
    decayed, plain = optimizer.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3)]
    assert decayed["weight_decay"] == TrainConfig().weight_decay
    assert sorted(p.numel() for p in plain["params"]) == [4, 4, 4]
    assert plain["weight_decay"] == 0


def test_frozen_projections_get_no_optimiser() -> None:
    config = ModelConfig.of("official", hidden=32, feed_forward=32, encoder_layers=1)
    model = build_network(config, (4, 4, 4, 4), 8)
    model.affinity.freeze_projections()
    optimised = {id(p) for group in make_optimizer(model, TrainConfig()).param_groups
                 for p in group["params"]}  # fmt: skip
    assert id(model.affinity.query_projection.key.weight) not in optimised
    assert id(model.affinity.skip.weight) not in optimised
    assert id(model.encoder.level_embedding) in optimised
