"""A configuration key by key, `section.key`, as `--set` names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from configs.loading import format_value
from configs.schema import Config


def values_of(config: Config) -> dict[str, Any]:
    """Every key of a configuration with its value, in the order of declaration."""
    sections = dataclasses.asdict(config)
    return {f"{s}.{name}": value for s, keys in sections.items() for name, value in keys.items()}


def differences(config: Config, other: Config) -> dict[str, tuple[Any, Any]]:
    """Keys in which two configurations differ: the value of the one and of the other."""
    own, others = values_of(config), values_of(other)
    return {name: (own[name], others[name]) for name in own if own[name] != others[name]}


def is_among(name: str, keys: Collection[str]) -> bool:
    """Whether a key is one of `keys`, of which those that end in a point are whole sections."""
    return any(name == key or (key.endswith(".") and name.startswith(key)) for key in keys)


def pair(name: str, value: Any) -> str:
    """`section.key=value` as --set reads it back."""
    if not isinstance(value, str):
        return f"{name}={format_value(value)}"
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return f"{name}='{value}'" if quoted or value != value.strip() else f"{name}={value}"
