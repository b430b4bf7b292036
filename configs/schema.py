"""What a configuration says. One frozen dataclass a section, defaults beside their meaning.

`configs.loading` reads them from TOML and checks names and types; ranges are checked here, in
`__post_init__`, by raising ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from configs.model import ModelConfig
from configs.training import TrainConfig

SMALLEST_SIDE = 32
"""Least height and width of a frame as the encoders see it, in pixels."""


@dataclass(frozen=True)
class EncoderConfig:
    """Which frozen encoders make the features."""

    family: Literal["lite", "paper", "tiny"] = "lite"
    vision: str = ""  # hub id, local folder or .pth file; "" is the family's own
    text: str = ""  # hub id or local folder; "" is the family's own
    vision_digest: str = ""  # sha256 that its weights must have, as a run states it; "" is any
    text_digest: str = ""
    precision: Literal["fp32", "bf16"] = "fp32"  # that frames are encoded in; bf16 is faster
    # where the device has it and moves the features by a few percent, so it has its own cache key


@dataclass(frozen=True)
class FeaturesConfig:
    """At what size frames are encoded and how their maps are stored."""

    short_side: int = 192  # pixels; the shorter side of a frame is resized to this
    long_side: int = 320  # pixels; the longer side is at most this; 0 is no limit
    stored: str = "uint8"  # type: uint8 | uint6 | fp16 | fp32 | another of cache/stored_types.py
    batch_frames: int = 16  # frames in one call of the encoder; does not change the result
    views: int = 1  # K, ways each training video is cached in; 1 is the frames as they are alone

    def __post_init__(self) -> None:
        if self.short_side < SMALLEST_SIDE:
            raise ValueError(
                f"features.short_side is {self.short_side}; it must be {SMALLEST_SIDE} or more"
            )
        if self.long_side and self.long_side < self.short_side:
            raise ValueError(
                f"features.long_side is {self.long_side}; it must be 0 (no limit) "
                f"or at least features.short_side ({self.short_side})"
            )
        _require_positive("features", batch_frames=self.batch_frames, views=self.views)


@dataclass(frozen=True)
class DataConfig:
    """How clips are cut for training."""

    frames: int = 5  # T, query frames of a training clip
    support_frames: int = 5  # S
    holdout: float = 0.1  # share of the training videos kept back to watch J, in [0, 1)

    def __post_init__(self) -> None:
        _require_positive("data", frames=self.frames, support_frames=self.support_frames)
        if not 0 <= self.holdout < 1:
            raise ValueError(f"data.holdout is {self.holdout}; it must be in [0, 1)")


@dataclass(frozen=True)
class EvaluateConfig:
    """Which test episodes are run and how they are scored."""

    seeds: int = 5  # drawings of the support videos
    episodes_per_category: int = 0  # 0 is all
    support_frames: int = 5  # S, shots
    window: int = 10  # T, query frames that go through the network together; 0 is all of a video,
    # which `fsrvos predict`, whose videos have no end, takes as 16
    per_frame: bool = False  # the best query of each frame, not the best of a window for all of it;
    # `fsrvos predict` follows one object instead
    protocol: Literal["davis", "davis2017", "ref-youtube-vos", "paper"] = "davis"
    sharpen: bool = False  # masks follow the edges of the pictures; `fsrvos predict` does, too
    finetune_steps: int = 0  # on the support clip of each episode, before its question is asked
    finetune_rate: float = 1e-4  # learning rate of those steps

    def __post_init__(self) -> None:
        _require_positive("evaluate", seeds=self.seeds, support_frames=self.support_frames)
        for name in ("window", "episodes_per_category", "finetune_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"evaluate.{name} must be 0 or more")
        if self.finetune_rate <= 0:
            raise ValueError("evaluate.finetune_rate must be above 0")


@dataclass(frozen=True)
class Config:
    """A whole configuration. `configs.load_config` makes one, `configs.to_toml` writes it."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


def _require_positive(section: str, **values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{section}.{name} is {value}; it must be 1 or more")
