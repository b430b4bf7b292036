"""Frozen image and text encoders; one file a family, and here the two doors to them.

To add one: subclass `VisionEncoder` or `TextEncoder` and give it a line in the tables below.
"""

import torch

from configs import EncoderConfig, UsageError
from stages.encoders.base import STRIDES, TextEncoder, TextStates, VisionEncoder

__all__ = [
    "STRIDES",
    "TextEncoder",
    "TextStates",
    "VisionEncoder",
    "load_text",
    "load_vision",
]


def load_vision(config: EncoderConfig, device: torch.device | str = "cpu") -> VisionEncoder:
    from stages.encoders.efficientnet_lite import load_efficientnet_lite0

    return load_efficientnet_lite0().to(device)


def load_text(config: EncoderConfig, device: torch.device | str = "cpu") -> TextEncoder:
    from stages.encoders.sentence_transformer import load_minilm

    return load_minilm(device)
