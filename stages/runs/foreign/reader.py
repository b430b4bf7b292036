"""Checkpoints of other programs: read without running what they carry, and told apart.

The authors' code saves `{model, optimizer, lr_scheduler, epoch, args}` in torch's old format, where
`args` is an `argparse.Namespace`: the one class beyond tensors and containers that is let in.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from configs import DataError, MissingError
from stages.runs.foreign.names import BACKBONE, TEXT_ENCODER

Program = Literal["official", "referformer", "torchvision ResNet", "unknown"]
Container = Literal["torch", "old torch", "safetensors"]

HOLDERS = ("model", "state_dict")  # where programs keep the weights among other things

_UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True)
class ForeignFile:
    """A foreign checkpoint.

    Attributes:
        container: the file's format.
        tensors: its weights by name.
        beside: what else it holds (optimizer, epoch ...), by name.
    """

    container: Container
    tensors: Mapping[str, Tensor]
    beside: Mapping[str, Any]

    @property
    def program(self) -> Program:
        """Which program wrote it, by a name that only its files have."""
        if "refpoint_embed.weight" in self.tensors:
            return "official"
        if "query_embed.weight" in self.tensors:
            return "referformer"
        if any(name.startswith("layer4.") for name in self.tensors):
            return "torchvision ResNet"
        return "unknown"

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under a prefix, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }

    def network(self) -> dict[str, Tensor]:
        """The tensors that belong to neither frozen encoder."""
        return {
            name: tensor
            for name, tensor in self.tensors.items()
            if not name.startswith((BACKBONE, TEXT_ENCODER))
        }


def read_foreign(path: Path) -> ForeignFile:
    """The checkpoint in a file; nothing in it is executed.

    Raises MissingError (no such file), DataError (damaged, holds objects other than tensors, or
    no tensors at all).
    """
    if not path.is_file():
        raise MissingError(f"{path} does not exist; name a checkpoint file")
    if path.suffix == ".safetensors":
        try:
            return ForeignFile("safetensors", load_file(path), {})
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path} is not a readable safetensors file; fetch it again") from error
    container: Container = "torch" if zipfile.is_zipfile(path) else "old torch"
    loaded = _load_tensors_only(path)
    holder = loaded
    if isinstance(loaded, dict):
        holder = next((loaded[name] for name in HOLDERS if name in loaded), loaded)
    if not isinstance(holder, dict):
        raise DataError(f"{path} holds no weights by name; name a checkpoint")
    tensors = {str(name): value for name, value in holder.items() if isinstance(value, Tensor)}
    if not tensors or len(tensors) != len(holder):
        raise DataError(f"{path} holds no weights by name; name a checkpoint")
    beside = {} if holder is loaded else {k: v for k, v in loaded.items() if v is not holder}
    return ForeignFile(container, tensors, beside)


def _load_tensors_only(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are refused right after
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} is damaged or carries objects other than tensors, which are never loaded; "
            "save its state dict alone, or fetch it again"
        ) from error
    except _UNREADABLE as error:
        raise DataError(f"{path} is damaged or no checkpoint; fetch it again") from error
