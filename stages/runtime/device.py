"""Which device the networks run on, and that one process does."""

from __future__ import annotations

import os

import torch

from configs import UsageError


def choose_device(name: str = "auto") -> str:
    """The device of that name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the device is not there, or the name is unknown.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, found in there.items() if found)
    if name not in there:
        raise UsageError(f"unknown device '{name}'; choose auto, cpu, cuda or mps")
    if not there[name]:
        built = "" if name != "cuda" or torch.version.cuda else "; this PyTorch is a CPU build"
        raise UsageError(f"there is no {name} device here{built}; use --device cpu or auto")
    return name


def require_one_process() -> None:
    """UsageError under torchrun or another launcher of several processes.

    Each of them would do all of the work and write it to one place.
    """
    world = os.environ.get("WORLD_SIZE", "1")
    if world not in ("", "0", "1"):
        raise UsageError(
            f"WORLD_SIZE is {world}, but one process at a time is supported; leave out torchrun"
        )
