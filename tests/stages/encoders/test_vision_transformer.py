"""Vision transformers from folders in transformers' formats, small and with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from configs import EncoderConfig
from configs.model import STRIDES
from stages.encoders import load_vision
from stages.encoders.base import VisionEncoder
from stages.encoders.vision_transformer import at_stride

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
# Class, its configuration, patch, and tokens of the whole picture before the patches.
FAMILIES = {
    "vit": ("ViTModel", "ViTConfig", 16, 1),
    "dinov2": ("Dinov2Model", "Dinov2Config", 14, 1),
    "registers": ("Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", 14, 5),
    "dinov3": ("DINOv3ViTModel", "DINOv3ViTConfig", 16, 5),
    "siglip": ("SiglipVisionModel", "SiglipVisionConfig", 16, 0),
    "clip": ("CLIPVisionModel", "CLIPVisionConfig", 16, 1),
}


def saved(family: str, folder: Path) -> Any:
    """A small model of a family, written as its authors' are. Pictures are 96 pixels large."""
    torch.manual_seed(0)
    model, config, patch, tokens = FAMILIES[family]
    options = dict(SMALL, patch_size=patch, image_size=96 * patch // 16)
    if tokens == 5:
        options["num_register_tokens"] = 4
    made = getattr(transformers, model)(getattr(transformers, config)(**options)).eval()
    made.save_pretrained(folder)
    return made


def loaded(folder: Path) -> VisionEncoder:
    return load_vision(EncoderConfig(family="paper", vision=str(folder)), tuned=False)


def frames(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 255, (2, height, width, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_map_is_the_models_patches(family: str, tmp_path: Path) -> None:
    model = saved(family, tmp_path)
    encoder, seen = loaded(tmp_path), frames(96, 96)
    patch, tokens = FAMILIES[family][2:]
    pixels = encoder.normalise(seen)
    if patch != 16:
        size = (96 * patch // 16,) * 2
        pixels = torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True)
    with torch.no_grad():
        states = model(pixel_values=pixels).last_hidden_state
    assert states.shape[1] == tokens + 36
    expected = states[:, tokens:].reshape(2, 6, 6, 16).permute(0, 3, 1, 2)
    torch.testing.assert_close(encoder(seen)[2], expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_picture_gives_four_strides(family: str, tmp_path: Path) -> None:
    saved(family, tmp_path)
    encoder = loaded(tmp_path)
    assert encoder.channels == (16,) * 4
    for level, stride in zip(encoder(frames(75, 130)), STRIDES, strict=True):
        assert level.shape == (2, 16, -(-75 // stride), -(-130 // stride))


def test_the_digest_is_the_weights(tmp_path: Path) -> None:
    first = saved("vit", tmp_path / "a")
    with torch.no_grad():
        first.layernorm.weight += 1
    first.save_pretrained(tmp_path / "b")
    assert loaded(tmp_path / "a").digest == loaded(tmp_path / "a").digest
    assert loaded(tmp_path / "a").digest != loaded(tmp_path / "b").digest
    assert loaded(tmp_path / "a").name == "vit-16-2"


def test_other_strides_lie_on_the_same_pixels() -> None:
    """A ramp over the picture stays that ramp at every stride, away from the border."""
    columns = torch.arange(8.0) * 16 + 8  # centres of the cells, in pixels
    patches = columns.expand(1, 1, 4, 8)
    for stride in STRIDES:
        found = at_stride(patches, stride)
        centres = torch.arange(128 // stride) * stride + stride / 2
        inner = (centres > 16) & (centres < 112)
        assert torch.allclose(found[0, 0, 0][inner], centres[inner])
