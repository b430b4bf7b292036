"""What is measured: rendered frames, frozen encoders, a run that has learnt nothing.

All of it comes from seeds or from installed packages, so that every machine measures the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from configs import Config
from stages.data.resize import resize_frame
from stages.data.sample.videos import render_video
from stages.encoders import VisionEncoder, load_text, load_vision
from stages.encoders.folded import tune
from stages.encoders.pretrained import quietly
from stages.model.networks import build_network
from stages.runs.checkpoint import Encoders, save_checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CATEGORY = "rabbit"
# Animals do not fit on smaller canvases; such frames are drawn larger and made smaller.
LEAST_HEIGHT = 192


def rendered_frames(count: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGB frames [count, H, W, 3] of one rendered video; size: (H, W)."""
    height, width = size
    scale = -(-LEAST_HEIGHT // height)
    drawn = render_video(
        CATEGORY, 0, seed=0, frames=count, size=(scale * width, scale * height)
    ).frames
    return np.stack([resize_frame(frame, size) for frame in drawn])


def resnet50(tuned: bool, device: str) -> VisionEncoder:
    """A ResNet-50 as preset `paper` has it, but with random weights: those of ImageNet have to be
    downloaded, and what it costs does not depend on them."""
    from stages.encoders.backbone import BackboneVision

    encoder = BackboneVision(_resnet50())
    if tuned:
        tune(encoder)
    return encoder.to(device)


def save_resnet50(folder: Path) -> None:
    """Write that network where `encoder.vision` can name it."""
    with quietly():
        _resnet50().save_pretrained(folder)


def _resnet50() -> PreTrainedModel:
    from transformers import ResNetBackbone, ResNetConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ResNetBackbone(ResNetConfig(out_indices=[1, 2, 3, 4]))


def untrained_run(config: Config, run: Path) -> None:
    """A run folder whose network has learnt nothing; it costs what a trained one does."""
    vision, text = load_vision(config.encoder), load_text(config.encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_network(config.model, vision.channels, text.width)
    present = Encoders(vision.channels, text.width, vision.digest, text.digest)
    save_checkpoint(run, model, config, present, {"steps": 0})
