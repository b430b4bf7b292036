"""A run small enough to hand on: its network in half precision, without the course of its training.

This is how the head that comes with the program is made from a training, see docs/model-card.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from configs import UsageError
from stages.runs.calibration import read_calibration, write_calibration
from stages.runs.checkpoint import load_checkpoint, save_checkpoint
from stages.runs.folder import RunFolder

# What training noted that means something elsewhere; the rest names places of this machine.
KEPT = ("fold", "seed", "dataset", "categories")


@dataclass(frozen=True)
class CompactReport:
    """What was written: the folder, the number of weights and the size of their file in bytes."""

    run: str
    weights: int
    size: int


def compact(run: Path, out: Path) -> CompactReport:
    """Write the network of `run` to a new run folder `out`, in float16.

    Raises MissingError or DataError (`run`), UsageError (`out` holds a network already).
    """
    folder = RunFolder(out)
    if folder.weights.exists():
        raise UsageError(f"{out} holds a network already; name a new folder or remove it")
    loaded = load_checkpoint(run)
    facts = {name: loaded.facts[name] for name in KEPT if name in loaded.facts}
    save_checkpoint(out, loaded.model.half(), loaded.config, loaded.encoders, facts)
    if (calibration := read_calibration(run)).fitted:
        write_calibration(out, calibration)
    weights = sum(tensor.numel() for tensor in loaded.model.state_dict().values())
    return CompactReport(str(out), weights, folder.weights.stat().st_size)
