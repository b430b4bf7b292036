"""The network's options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and named options of the network."""

    preset: Literal["default", "official"] = "default"
