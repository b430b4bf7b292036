"""Perturbed maps: alike on both sides of a comparison, absolute values gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from configs.training import TrainConfig
from stages.feeding.batches import EpisodeBatch
from stages.model.inputs import FramePyramid, Support, Words
from stages.training.perturbation import perturb

CHANNELS = (3, 4, 400, 300)


def pyramid(clips: int, frames: int, seed: int) -> FramePyramid:
    generator = torch.Generator().manual_seed(seed)
    first, second, third, fourth = (
        torch.rand(clips, frames, channels, 16 // 2**i, 16 // 2**i, generator=generator) + 0.1
        for i, channels in enumerate(CHANNELS)
    )
    return FramePyramid((first, second, third, fourth), torch.tensor([[64, 64]] * clips))


def batch(clips: int) -> EpisodeBatch:
    words = Words(torch.zeros(clips, 2, 4), torch.zeros(clips, 4))
    support = Support(pyramid(clips, 2, 7), words, torch.zeros(clips, 2, 64, 64))
    return EpisodeBatch(pyramid(clips, 3, 1), words, support)


def config(**options: float) -> TrainConfig:
    return replace(TrainConfig(), **options)  # type: ignore[arg-type]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def factors(before: Tensor, after: Tensor) -> Tensor:
    """[B, C], after making sure that frames and cells of a clip have the same."""
    ratio = after / before
    one = ratio[:, :1, :, :1, :1]
    torch.testing.assert_close(ratio, one.expand_as(ratio))
    return one[:, 0, :, 0, 0]


def test_query_and_support_get_the_same_factors_and_twins_too() -> None:
    plain = batch(3)
    found = perturb(plain, [0, 0, 1], config(channel_dropout=0.3, channel_noise=0.4), rng())
    for level in (2, 3):
        query = factors(plain.query.maps[level], found.query.maps[level])
        shown = factors(plain.support.frames.maps[level], found.support.frames.maps[level])
        torch.testing.assert_close(query, shown)
        torch.testing.assert_close(query[0], query[1])
        assert (query[0] - query[2]).abs().max() > 0.1


def test_finer_maps_and_all_else_are_left_alone() -> None:
    plain = batch(2)
    found = perturb(plain, [0, 1], config(channel_dropout=0.5, channel_noise=0.5), rng())
    for level in (0, 1):
        assert found.query.maps[level] is plain.query.maps[level]
        assert found.support.frames.maps[level] is plain.support.frames.maps[level]
    assert found.words is plain.words
    assert found.support.masks is plain.support.masks
    assert found.query.size is plain.query.size


@pytest.mark.parametrize(("dropout", "noise"), [(0.3, 0.0), (0.0, 0.2), (0.2, 0.2)])
def test_factors_have_a_mean_of_about_one(dropout: float, noise: float) -> None:
    plain = batch(1)
    drawn = [
        factors(plain.query.maps[2], perturbed.query.maps[2])
        for seed in range(20)
        if (
            perturbed := perturb(
                plain, [0], config(channel_dropout=dropout, channel_noise=noise), rng(seed)
            )
        )
    ]
    values = torch.cat(drawn).flatten()  # 8000 draws
    # A log-normal factor has the mean exp(noise^2 / 2); the bound is five standard errors.
    expected = torch.exp(torch.tensor(noise**2 / 2))
    assert abs(float(values.mean() - expected)) < 5 * float(values.std()) / len(values) ** 0.5
    assert abs(float((values == 0).float().mean()) - dropout) < 0.03
    kept = values[values > 0] * (1 - dropout)
    assert abs(float(kept.log().std()) - noise) < 0.02


def test_a_copy_stays_the_nearest() -> None:
    plain = batch(1)
    copied = plain.support.frames.maps[3].clone()
    copied[0, 1, :, 1, 0] = plain.query.maps[3][0, 2, :, 0, 1]
    first, second, third, _ = plain.support.frames.maps
    shown = replace(plain.support.frames, maps=(first, second, third, copied))
    plain = replace(plain, support=replace(plain.support, frames=shown))
    found = perturb(plain, [0], config(channel_dropout=0.3, channel_noise=0.3), rng(4))
    cell = found.query.maps[3][0, 2, :, 0, 1]
    cosines = F.cosine_similarity(found.support.frames.maps[3], cell[None, None, :, None, None], 2)
    assert int(cosines.argmax()) == 1 * 4 + 1 * 2 + 0  # frame 1, row 1, column 0
    assert float(cosines.max()) == pytest.approx(1)


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    plain, generator = batch(1), rng()
    before = generator.get_state()
    assert perturb(plain, [0], config(channel_dropout=0.0, channel_noise=0.0), generator) is plain
    assert torch.equal(generator.get_state(), before)


def test_the_draw_follows_the_generator() -> None:
    plain = batch(1)
    options = config(channel_dropout=0.2, channel_noise=0.2)
    one, same, other = (perturb(plain, [0], options, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.query.maps[2], same.query.maps[2])
    assert not torch.equal(one.query.maps[2], other.query.maps[2])
