"""What a weights file is: its format, the program that wrote it, how many weights it holds.

Nothing in a file is executed: safetensors, or PyTorch's format read with `weights_only=True`.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from configs import DataError, MissingError
from stages.checkpoint import WEIGHTS

# A name that only this program's files have.
_SIGNS = {
    "the authors' release": "refpoint_embed.weight",
    "ReferFormer": "query_embed.weight",
    "torchvision ResNet": "layer4.2.conv3.weight",
}
_CONTAINERS = ("model", "state_dict")  # where programs keep the weights among other things


@dataclass(frozen=True)
class WeightsReport:
    """What a file is.

    parts: number of weights below each first name; facts: what training noted of a run.
    """

    file: str
    format: str
    program: str
    tensors: int
    weights: int
    parts: dict[str, int]
    dtypes: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)


def inspect_weights(path: Path) -> WeightsReport:
    """Say what a weights file, or the one in a run folder, is.

    Raises:
        MissingError: there is no such file.
        DataError: it is no weights file, is damaged, or holds more than weights.
    """
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise MissingError(f"{file} does not exist; name a weights file or a run folder")
    with file.open("rb") as opened:
        start = opened.read(9)
    if start[8:9] == b"{":  # eight bytes of length, then the header's JSON
        return _inspect_safetensors(file)
    return _inspect_torch(file)


def _inspect_safetensors(file: Path) -> WeightsReport:
    try:
        with safe_open(file, framework="pt") as opened:
            header = opened.metadata() or {}
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        facts = json.loads(header.get("facts", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{file} is damaged ({_first_line(error)}); copy it again") from error
    program = "fsrvos" if "encoders" in header else _program(state)
    return _report(file, "safetensors", program, state, facts)


def _inspect_torch(file: Path) -> WeightsReport:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats that are refused right after
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{file} is no weights file, or holds more than weights, which is not loaded "
            f"({_first_line(error)})"
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise DataError(f"{file} is damaged ({_first_line(error)}); copy it again") from error
    state = _weights_of(loaded)
    if not state:
        raise DataError(f"{file} holds no weights by name; name a checkpoint")
    return _report(file, "PyTorch", _program(state), state, {})


def _weights_of(loaded: object) -> dict[str, torch.Tensor]:
    """The named tensors of a checkpoint, wherever it keeps them."""
    if not isinstance(loaded, Mapping):
        return {}
    for name in _CONTAINERS:
        if isinstance(loaded.get(name), Mapping):
            return _weights_of(loaded[name])
    return {str(k): value for k, value in loaded.items() if isinstance(value, torch.Tensor)}


def _program(state: Mapping[str, torch.Tensor]) -> str:
    return next((name for name, sign in _SIGNS.items() if sign in state), "unknown")


def _report(
    file: Path,
    form: str,
    program: str,
    state: Mapping[str, torch.Tensor],
    facts: dict[str, Any],
) -> WeightsReport:
    parts: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for name, tensor in state.items():
        parts[name.split(".")[0]] += tensor.numel()
        dtypes[str(tensor.dtype).removeprefix("torch.")] += 1
    return WeightsReport(
        file=str(file),
        format=form,
        program=program,
        tensors=len(state),
        weights=sum(parts.values()),
        parts=dict(parts.most_common()),
        dtypes=dict(dtypes),
        facts=facts,
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
