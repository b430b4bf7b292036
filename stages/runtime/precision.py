"""Which number format a device computes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from stages.runtime.progress import say

_AMPERE = (8, 0)  # the first compute capability with bfloat16 units; T4 and V100 emulate it


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware.

    Emulation does not count: it is slower than fp32. `torch.cuda.is_bf16_supported` counts it.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _AMPERE
    if device.type == "cpu":
        # Not public, and absent from some builds.
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(supported and supported())
    return False


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The dtype to run in, None for plain fp32. `auto` takes bf16 where the device has it."""
    wanted = precision == "bf16" or (precision == "auto" and has_bf16(device))
    return torch.bfloat16 if wanted else None


def warn_of_emulation(key: str, precision: str, device: torch.device) -> None:
    """Say so where a configuration's key asks a device for bf16 that it has not."""
    if precision == "bf16" and not has_bf16(device):
        say(f"{device} has no bfloat16 hardware: {key}=bf16 is slow here")


@contextmanager
def own_precision(kind: str, bf16: bool) -> Iterator[None]:
    """Autocast to bfloat16 or not at all, whatever surrounds the call.

    The casts that autocast keeps are one store for all threads, emptied when any leaves its
    outermost autocast: a training beside would cast a weight anew midway, and add up its gradients
    in other bits. So none is entered in vain, and no one that is entered is the outermost.
    """
    if not bf16 and not torch.is_autocast_enabled(kind):
        yield
        return
    torch.autocast_increment_nesting()
    try:
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=bf16):
            yield
    finally:
        torch.autocast_decrement_nesting()
