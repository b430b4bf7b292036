"""Perturbing frozen maps in training, so that a network compares instead of recognising.

With a dozen training categories it is easy to learn their channels by heart, and then nothing of
an unseen category is found. Dropping and scaling channels at random, alike for the query and its
support, leaves every comparison between the two intact and makes the absolute values useless.
Finer maps, which carry colours and edges, are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from configs.training import TrainConfig
from stages.feeding.batches import EpisodeBatch
from stages.model.inputs import STRIDES, FramePyramid

COARSE = (16, 32)


def perturb(
    batch: EpisodeBatch, pairs: Sequence[int], config: TrainConfig, rng: torch.Generator
) -> EpisodeBatch:
    """The batch with the channels of its coarse maps dropped and scaled.

    pairs: [B], the draw that each episode takes; those of one video take the same.
    """
    if config.channel_dropout == 0 and config.channel_noise == 0:
        return batch
    factors = {stride: _factors(batch.query.at(stride), pairs, config, rng) for stride in COARSE}
    return replace(
        batch,
        query=_scaled(batch.query, factors),
        support=replace(batch.support, frames=_scaled(batch.support.frames, factors)),
    )


def _factors(
    maps: Tensor, pairs: Sequence[int], config: TrainConfig, rng: torch.Generator
) -> Tensor:
    """Factors [B, 1, C, 1, 1] of maps [B, T, C, h, w], of mean about 1."""
    shape = (max(pairs) + 1, maps.shape[2])
    kept = torch.rand(shape, generator=rng) >= config.channel_dropout
    scale = torch.exp(config.channel_noise * torch.randn(shape, generator=rng))
    factors = kept * scale / (1 - config.channel_dropout)
    return factors[list(pairs)][:, None, :, None, None].to(maps.device)


def _scaled(frames: FramePyramid, factors: dict[int, Tensor]) -> FramePyramid:
    first, second, third, fourth = (
        level * factors[stride] if stride in factors else level
        for stride, level in zip(STRIDES, frames.maps, strict=True)
    )
    return replace(frames, maps=(first, second, third, fourth))
