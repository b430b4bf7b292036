"""A batch learnt from in parts has the gradients of the whole, whatever terms are means over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from configs import Config
from configs.model import ModelConfig
from stages.feeding.batches import EpisodeBatch
from stages.model.inputs import FramePyramid
from stages.model.networks import build_network
from stages.training.learning import Learner
from stages.training.parts import split
from tests.stages.model.small import CHANNELS, TEXT_WIDTH, frames, support, words

CLIPS, COUNT = 6, 3
# What a batch of the same clips that all show the object would hide: they count differently.
SHOWN = (3, 1, 0, 2, 3, 1)


def batch() -> EpisodeBatch:
    """Six clips of which two pairs are twins and one shows nothing."""
    masks = torch.zeros(CLIPS, COUNT, 64, 96, dtype=torch.bool)
    for row, shown in enumerate(SHOWN):
        masks[row, :shown, 8 + 4 * row : 30 + 4 * row, 10 + 8 * row : 40 + 8 * row] = True
    query, given = frames(CLIPS, COUNT), support(CLIPS)
    twins = ((1, 2), (4, 5))
    for first, second in twins:  # which differ in the sentence alone
        for level in (*query.maps, *given.frames.maps, given.masks):
            level[second] = level[first]
    kind = masks.clone()
    for pair in twins:
        kind[list(pair)] = masks[list(pair)].any(0)
    return EpisodeBatch(query, words(CLIPS, 5), given, masks, kind, twins)


def gradients(network: str, parts: int, **options: Any) -> tuple[Tensor, dict[str, Tensor], float]:
    """Total, gradients and their norm."""
    torch.manual_seed(1)
    name: Literal["fsrvos", "affinity", "danet"] = network  # type: ignore[assignment]
    model = ModelConfig.of(
        "default", network=name, hidden=32, heads=4, feed_forward=32, encoder_layers=1,
        decoder_layers=2, mask_dim=16, dropout=0.0, **options,
    )  # fmt: skip
    built = build_network(model, CHANNELS, TEXT_WIDTH)
    with torch.no_grad():  # as after some training: no head starts at zero
        for parameter in built.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    config = replace(Config(), model=model)
    stated = replace(config.train, precision="fp32", accumulate=parts, clip_norm=1e9)
    learner = Learner(built.train(), replace(config, train=stated), torch.device("cpu"))
    losses = learner.gradients(batch())
    found = {n: p.grad for n, p in built.named_parameters() if p.grad is not None}
    return losses.total, found, learner.norm


@pytest.mark.parametrize(
    ("network", "options"),
    [("fsrvos", {}), ("fsrvos", {"shared_mask_divisor": True}), ("affinity", {}), ("danet", {})],
)
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_have_the_gradients_of_the_whole(
    network: str, options: dict[str, Any], parts: int
) -> None:
    total, expected, norm = gradients(network, 1, **options)
    again, found, same = gradients(network, parts, **options)
    torch.testing.assert_close(again, total.detach(), rtol=1e-5, atol=1e-6)
    assert norm > 0 and same == pytest.approx(norm, rel=1e-4)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * norm)


@pytest.mark.parametrize(
    ("parts", "rows"), [(1, [6]), (2, [3, 3]), (3, [3, 1, 2]), (4, [1, 2, 1, 2]), (9, [1, 2, 1, 2])]
)
def test_twins_stay_together(parts: int, rows: list[int]) -> None:
    whole = batch()
    found = split(whole, parts)
    assert [len(part.query.size) for part in found] == rows
    assert sum(len(part.twins) for part in found) == 2
    for level in range(4):
        maps = torch.cat([part.query.maps[level] for part in found])
        assert torch.equal(maps, whole.query.maps[level])
    assert torch.equal(
        torch.cat([p.targets for p in found if p.targets is not None]), whole.targets
    )
    for part in found:
        for first, second in part.twins:
            assert torch.equal(part.query.maps[0][first], part.query.maps[0][second])
            assert isinstance(part.query, FramePyramid)
