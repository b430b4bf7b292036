"""Time and memory, measured so that two figures of one run can be divided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch

from configs import FsrvosError

GB = 1e9
MM_SIDE = 2048


def mm_seconds(device: str = "cpu", rounds: int = 7) -> float:
    """Seconds of one mm: a float32 2048 x 2048 x 2048 `torch.mm` on the current threads."""
    return alternate({"mm": matrix_product(device)}, rounds)["mm"]


def matrix_product(device: str = "cpu") -> Callable[[], object]:
    """A function that computes one mm, to run in turn with what is measured in it."""
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(MM_SIDE, MM_SIDE, generator=generator).to(device) for _ in range(2))
    return lambda: torch.mm(one, other)


def alternate(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each function, all run in turn, `rounds` times after a first go each.

    Whatever slows the machine for a while slows all of them, so that their ratios stand. A
    function's result is dropped, and a GPU is waited for, within its time.
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(rounds + 1):
        for name, function in functions.items():
            finish()
            start = clock()
            function()
            finish()
            if turn:
                taken[name].append(clock() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def peak_gb(target: Callable[..., object], *args: Any) -> float:
    """Most memory that `target(*args)` takes, in units of 1e9 bytes.

    A fresh process imports the target's module, notes the most memory it was ever resident with
    (VmHWM of /proc/self/status), calls the target, and notes it again; this is the difference. So
    interpreter and libraries do not count, but all that the target makes does, inputs included,
    and so does what it imports itself. Where the target used a GPU, it is instead the most memory
    that torch had allocated there.

    Args:
        target: a function at the top level of an importable module.
        args: what JSON can carry; a tuple arrives as a list.

    Raises:
        FsrvosError: the target failed; with the last line of what it wrote to stderr.
    """
    called = [target.__module__, target.__qualname__, json.dumps(args)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "stages.benchmark.peak", *called],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise FsrvosError(f"measuring the memory of {'.'.join(called[:2])} failed: {reason}")
    return float(done.stdout.splitlines()[-1]) / GB


def finish() -> None:
    """Wait for a GPU that is in use."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()
