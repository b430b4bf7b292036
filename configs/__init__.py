"""Configuration: frozen dataclasses, TOML, shipped presets, and the errors of all layers."""

from configs.errors import (
    AbsentFeaturesError,
    CacheIntegrityError,
    DataError,
    FsrvosError,
    MissingError,
    PartialError,
    UsageError,
    command,
)
from configs.loading import config_digest, from_toml, load_config, presets, to_toml
from configs.model import ModelConfig
from configs.schema import Config, DataConfig, EncoderConfig, EvaluateConfig, FeaturesConfig
from configs.training import TrainConfig

__all__ = [
    "AbsentFeaturesError",
    "CacheIntegrityError",
    "Config",
    "DataConfig",
    "DataError",
    "EncoderConfig",
    "EvaluateConfig",
    "FeaturesConfig",
    "FsrvosError",
    "MissingError",
    "PartialError",
    "ModelConfig",
    "TrainConfig",
    "UsageError",
    "command",
    "config_digest",
    "from_toml",
    "load_config",
    "presets",
    "to_toml",
]
