"""What tells one training from another, and what becomes of a run folder that holds one already."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configs import Config, UsageError, from_toml, to_toml
from configs.values import differences
from stages.runs.checkpoint import read_facts
from stages.runs.folder import RunFolder
from stages.runs.progress import load_progress

STEPS = "train.steps"
_OTHERS = ("dataset", "fold", "seed", "init", "live")


@dataclass(frozen=True)
class TrainingIdentity:
    """All that the weights depend on.

    config: with its encoders pinned; dataset: digest of its index; init: digest of the weights it
    starts from, empty for none; live: encoders ran during training, nothing was cached.
    """

    config: Config
    dataset: str
    fold: int
    seed: int
    init: str
    live: bool

    def to_facts(self) -> dict[str, Any]:
        """Plain values, for the header of the weights and for what training goes on from."""
        return {**asdict(self), "config": to_toml(self.config)}

    def differences(self, other: TrainingIdentity) -> dict[str, tuple[Any, Any]]:
        """What differs by name, configuration keys first: the own value and the other's."""
        found = differences(self.config, other.config)
        for name in _OTHERS:
            own, others = getattr(self, name), getattr(other, name)
            if own != others:
                found[name] = (own, others)
        return found


def identity_of(facts: Mapping[str, Any] | None) -> TrainingIdentity | None:
    """What `to_facts` gave; None of weights that no training made, as imported ones."""
    if facts is None or not all(name in facts for name in ("config", *_OTHERS)):
        return None
    try:
        config = from_toml(str(facts["config"]), "the run's configuration")
    except UsageError:  # an earlier program's, which had other keys
        return None
    return TrainingIdentity(config=config, **{name: facts[name] for name in _OTHERS})


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `holdout_J` is in [0, 1]; `wait_share` of the time went to data.

    `seconds` counts what was done before an interruption, too, as far as it was kept.
    """

    run: str
    steps: int
    parameters: int
    seconds: float
    steps_per_second: float
    wait_share: float
    holdout_J: float
    already_done: bool = False


@dataclass(frozen=True)
class Former:
    """What a run folder holds of a training: its report if complete, what to go on from if not."""

    report: TrainReport | None = None
    progress: dict[str, Any] | None = None


def find_former(run: Path, wanted: TrainingIdentity) -> Former:
    """What the wanted training finds done. Raises UsageError where it is of other settings."""
    folder, facts = RunFolder(run), None
    if folder.weights.exists():
        facts = read_facts(run) or {}
        found = identity_of(facts)
        _require_continuable(run, wanted, found, int(facts.get("report", {}).get("steps", 0)))
        if found == wanted:
            return Former(report=TrainReport(**facts["report"]))
    progress = load_progress(folder.checkpoints)
    if progress is not None:
        found = identity_of(progress["identity"])
        _require_continuable(run, wanted, found, int(progress["step"]))
    elif facts is not None:
        raise UsageError(
            f"{run} cannot be trained for more steps, since {folder.checkpoints} is empty; train "
            f"anew with --overwrite, or another run that starts from it, with --init {run}"
        )
    return Former(progress=progress)


def _require_continuable(
    run: Path, wanted: TrainingIdentity, found: TrainingIdentity | None, steps: int
) -> None:
    """UsageError unless a training may go on from what another one left after `steps` steps.

    It may with more steps and with nothing else stated otherwise. found: None where what is there
    does not say what it is.
    """
    again = "name another --run, or train anew with --overwrite"
    if found is None:
        raise UsageError(f"{run} holds weights that do not say how they were trained; {again}")
    changed = wanted.differences(found)
    if changed.keys() - {STEPS}:
        name = next(name for name in changed if name != STEPS)
        here, there = (str(value)[:40] for value in changed[name])
        more = f" ({len(changed)} differences in all)" if changed.keys() > {name} else ""
        raise UsageError(f"{run} was trained with {name} {there}, not {here}{more}; {again}")
    if wanted.config.train.steps < steps:
        raise UsageError(
            f"{run} has been trained for {steps} steps, more than train.steps="
            f"{wanted.config.train.steps}; {again}"
        )


def clear(run: Path) -> None:
    """Remove what a former training and its evaluations left in a run folder."""
    folder = RunFolder(run)
    # Weights first: without them nothing else here counts as a run.
    files = (folder.weights, folder.metrics, folder.report, folder.config, folder.calibration)
    for file in files:
        file.unlink(missing_ok=True)
    for path in (folder.evaluation("").path, folder.events, folder.checkpoints):
        shutil.rmtree(path, ignore_errors=True)
