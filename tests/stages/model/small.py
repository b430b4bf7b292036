"""A small network and random inputs, shared by the tests of the network."""

from __future__ import annotations

from typing import Any, Literal

import torch

from configs.model import ModelConfig
from stages.model import FramePyramid, FsrvosModel, Support, Words, build_model

CHANNELS = (8, 12, 16, 20)
TEXT_WIDTH = 24
VARIANTS: tuple[Literal["official", "paper", "default"], ...] = ("official", "paper", "default")


def small_model(variant: Literal["official", "paper", "default"], **options: Any) -> FsrvosModel:
    """An initialised network of a variant, small, in evaluation mode."""
    sizes: dict[str, Any] = {
        "hidden": 64,
        "feed_forward": 48,
        "heads": 4,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "queries": 3,
        "mask_dim": 16,
        "mask_channels": 4,
    }
    torch.manual_seed(1)
    model = build_model(ModelConfig.of(variant, **sizes | options), CHANNELS, TEXT_WIDTH)
    with torch.no_grad():  # as after some training: no head starts at zero
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def frames(clips: int, count: int, size: tuple[int, int] = (64, 96), seed: int = 0) -> FramePyramid:
    """Random maps of `clips` clips of `count` frames, without padding."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    first, second, third, fourth = (
        torch.rand(
            clips, count, channels, -(-height // stride), -(-width // stride), generator=generator
        )
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    )
    return FramePyramid((first, second, third, fourth), torch.tensor([size] * clips))


def words(clips: int, length: int, seed: int = 0) -> Words:
    """Random token and sentence states."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return Words(
        torch.randn(clips, length, TEXT_WIDTH, generator=generator),
        torch.randn(clips, TEXT_WIDTH, generator=generator),
    )


def support(clips: int, count: int = 2, size: tuple[int, int] = (64, 64), seed: int = 7) -> Support:
    """Random frames with a rectangle as the object."""
    masks = torch.zeros(clips, count, *size)
    masks[:, :, 10:40, 20:50] = 1.0
    return Support(frames(clips, count, size, seed), words(clips, 4, seed), masks)
