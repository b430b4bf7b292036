"""What a weights file is: its format, the program that wrote it, how many weights it holds.

Nothing in a file is executed; see `stages.runs.foreign.reader`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from configs import DataError
from stages.runs.folder import find_weights
from stages.runs.foreign.conversion import importable
from stages.runs.foreign.reader import ForeignFile, read_foreign

_PROGRAMS = {"official": "the authors' release", "referformer": "ReferFormer"}
_FORMATS = {"torch": "PyTorch", "old torch": "PyTorch, before zip", "safetensors": "safetensors"}


@dataclass(frozen=True)
class WeightsReport:
    """What a file is.

    parts: number of weights below each first name; facts: what training noted of a run; beside:
    what else a checkpoint holds; importable: the command that makes a run of it, or why not.
    """

    file: str
    format: str
    program: str
    tensors: int
    weights: int
    parts: dict[str, int]
    dtypes: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    importable: str = "no"


def inspect_weights(*, path: Path) -> WeightsReport:
    """Say what a weights file, or the one in a run folder, is.

    Raises:
        MissingError: there is no such file.
        DataError: it is no weights file, is damaged, or holds more than weights.
    """
    file = find_weights(path)
    source = read_foreign(file)
    facts = _facts(file) if source.container == "safetensors" else None
    return _report(file, source, facts)


def _facts(file: Path) -> dict[str, Any] | None:
    """What training noted in the header of one of our own files; None for another's."""
    try:
        with safe_open(file, framework="pt") as opened:
            header = opened.metadata() or {}
        return dict(json.loads(header.get("facts", "{}"))) if "encoders" in header else None
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{file} is damaged; copy it again") from error


def _report(file: Path, source: ForeignFile, facts: dict[str, Any] | None) -> WeightsReport:
    parts: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for name, tensor in source.tensors.items():
        parts[name.split(".")[0]] += tensor.numel()
        dtypes[str(tensor.dtype).removeprefix("torch.")] += 1
    program: str = _PROGRAMS.get(source.program, source.program)
    return WeightsReport(
        file=str(file),
        format=_FORMATS[source.container],
        program=program if facts is None else "fsrvos",
        tensors=len(source.tensors),
        weights=sum(parts.values()),
        parts=dict(parts.most_common()),
        dtypes=dict(dtypes),
        facts=facts or {},
        beside={name: _summary(value) for name, value in source.beside.items()},
        importable=importable(source, file),
    )


def _summary(value: Any) -> str:
    """A small value itself, else its kind."""
    if isinstance(value, int | float | str | bool):
        return str(value)
    return type(value).__name__
