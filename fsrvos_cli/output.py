"""Results on stdout, for people or for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click


def emit(result: Any, as_json: bool) -> None:
    """Print a stage's report: as JSON, as its own table, or as one line a field."""
    if as_json:
        click.echo(json.dumps(plain(result), indent=2, default=str))
    elif hasattr(result, "table"):
        click.echo(result.table())
    else:
        click.echo(as_lines(plain(result)))


def emit_each(results: Sequence[Any], as_json: bool) -> None:
    """Print several reports: as one JSON list, or one below the other."""
    if as_json:
        emit(list(results), as_json)
        return
    for number, result in enumerate(results):
        if number:
            click.echo()
        emit(result, as_json)


def plain(result: Any) -> Any:
    """A report as dictionaries, lists, texts and numbers."""
    if hasattr(result, "to_json"):
        made = result.to_json()
        return json.loads(made) if isinstance(made, str) else made
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return plain(dataclasses.asdict(result))
    if isinstance(result, Mapping):
        return {str(key): plain(value) for key, value in result.items()}
    if isinstance(result, Path):
        return str(result)
    if isinstance(result, Sequence) and not isinstance(result, (str, bytes)):
        return [plain(item) for item in result]
    return result


def as_lines(fields: Any) -> str:
    """Aligned `name  value` lines of a mapping; other values as they are."""
    if not isinstance(fields, Mapping):
        return str(fields)
    shown = {name.replace("_", " "): _short(value) for name, value in fields.items()}
    width = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown.items())


def as_size(nbytes: float) -> str:
    """Bytes for people: 1.5 MB."""
    size, unit = float(nbytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value) or "none"
    return str(value)
