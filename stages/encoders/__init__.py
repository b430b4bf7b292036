"""Frozen image and text encoders; one file a family, and here the two doors to them.

To add a family: subclass `VisionEncoder` or `TextEncoder` in a file of its own, and name it in
`_vision` or `_text` below. Families that need transformers import it when they load, not before.
"""

from contextlib import AbstractContextManager
from pathlib import Path

import torch

from configs import EncoderConfig
from stages.encoders.base import TextEncoder, TextStates, VisionEncoder
from stages.encoders.pinning import require_pinned
from stages.encoders.pretrained import WEIGHT_FILES

__all__ = [
    "TextEncoder",
    "TextStates",
    "VisionEncoder",
    "load_text",
    "load_vision",
]


def load_vision(
    config: EncoderConfig,
    device: torch.device | str = "cpu",
    *,
    tuned: bool = True,
) -> VisionEncoder:
    """The frozen vision encoder that a configuration names.

    tuned: fold batch norms and use channels-last memory (same features to 1e-5). Raises
    MissingError (weights not to be had), DataError (weights damaged, or not those that the
    configuration states), UsageError (not a pyramid).
    """
    from stages.encoders.folded import tune, use_bf16

    with _own_randomness():
        encoder = _vision(config)
    require_pinned(config, "vision", encoder.digest)
    if tuned:
        tune(encoder)
    if config.precision == "bf16":
        use_bf16(encoder)
    return encoder.to(device)


def load_text(config: EncoderConfig, device: torch.device | str = "cpu") -> TextEncoder:
    """The frozen text encoder that a configuration names.

    Raises MissingError (weights not to be had) or DataError (damaged, or not those stated).
    """
    with _own_randomness():
        encoder = _text(config, device)
    require_pinned(config, "text", encoder.digest)
    return encoder


def _own_randomness() -> AbstractContextManager[None]:
    """Building a network draws numbers that its weights replace; a seeded run mustn't notice."""
    return torch.random.fork_rng(devices=[])


def _text(config: EncoderConfig, device: torch.device | str) -> TextEncoder:
    if config.family == "tiny" and not config.text:
        from stages.encoders.tiny import TinyText

        return TinyText()
    from stages.encoders import sentence_transformer

    if config.family == "lite" and not config.text:
        return sentence_transformer.load_minilm().to(device)
    source = config.text or sentence_transformer.PAPER_TEXT
    return sentence_transformer.load_transformer_text(source).to(device)


def _vision(config: EncoderConfig) -> VisionEncoder:
    if config.vision:
        return _vision_from(config.vision)
    if config.family == "tiny":
        from stages.encoders.tiny import TinyVision

        return TinyVision()
    if config.family == "lite":
        from stages.encoders.efficientnet_lite import load_efficientnet_lite0

        return load_efficientnet_lite0()
    from stages.encoders.backbone import PAPER_VISION

    return _vision_from(PAPER_VISION)


def _vision_from(source: str) -> VisionEncoder:
    """A hub id, a local folder or a weights file."""
    from stages.encoders.backbone import (
        holds_torchvision_names,
        load_backbone,
        load_timm,
        load_torchvision,
    )

    path = Path(source).expanduser()
    if path.suffix in WEIGHT_FILES and not path.is_dir():
        return load_torchvision(path)
    return load_timm(source) if holds_torchvision_names(source) else load_backbone(source)
