"""Which device the networks run on."""

from __future__ import annotations

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
