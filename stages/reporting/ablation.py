"""What each option gives: runs that differ in their configuration, compared over training seeds.

The first run's configuration is what the others are held against. A difference pairs runs of one
training seed, which drew the same episodes in the same order, so that what the seeds share
cancels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs import from_toml
from configs.errors import UsageError
from configs.model import ModelConfig
from configs.values import values_of
from stages.reporting.run import Run
from stages.runs.checkpoint import read_facts
from stages.runs.folder import RunFolder
from stages.scoring.aggregate import student_interval
from stages.scoring.table import align

Options = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One configuration. J, F, JF in percent, means over training seeds.

    JF_half, gain_half: half of the 95 % interval by Student's t, None with fewer than two seeds.
    gain: J&F less that of the first configuration over the seeds that both have, None without any.
    """

    options: str
    seeds: tuple[int, ...]
    J: float
    F: float
    JF: float
    JF_half: float | None
    gain: float | None
    gain_half: float | None


@dataclass(frozen=True)
class Ablation:
    """Rows in the order in which their configurations were first named."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def table(self) -> str:
        """Plain text."""
        head = ["seeds", "J", "F", "J&F", "", "gain", "", "options"]
        lines = align([head, *map(_cells, self.rows)], left=(7,))
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:], *[f"\n{note}" for note in self.notes]])

    def to_json(self) -> dict[str, Any]:
        """Plain values for --json."""
        return {"rows": [dataclasses.asdict(row) for row in self.rows], "notes": list(self.notes)}


def compare(runs: Sequence[Run]) -> Ablation:
    """Rows of all scored runs with a configuration.

    Raises UsageError where two runs have one configuration and one seed, or where runs were scored
    on different test episodes.
    """
    usable = [run for run in runs if run.score is not None and run.config]
    notes = [f"{run.name} has no score or no configuration." for run in runs if run not in usable]
    groups: dict[tuple[tuple[str, str], ...], dict[int, Run]] = {}
    for run in usable:
        key = tuple(sorted((name, repr(value)) for name, value in _options(run).items()))
        seeds = groups.setdefault(key, {})
        seed = int((read_facts(run.folder) or {}).get("seed", 0))
        if seed in seeds:
            raise UsageError(
                f"{run.folder} and {seeds[seed].folder} have one configuration and one seed; "
                "name one of them"
            )
        seeds[seed] = run
    _require_same_episodes(usable)
    if not groups:
        return Ablation((), (*notes, "No run with a score was named."))
    first, *_ = groups.values()
    rows = tuple(_row(members, first) for members in groups.values())
    return Ablation(rows, tuple(notes))


def _row(members: Mapping[int, Run], first: Mapping[int, Run]) -> Row:
    seeds = tuple(sorted(members))
    figures = {name: [_figure(members[s], name) for s in seeds] for name in ("J", "F", "JF")}
    common = [seed for seed in seeds if seed in first] if members is not first else []
    gains = [_figure(members[s], "JF") - _figure(first[s], "JF") for s in common]
    means = {name: float(np.mean(values)) for name, values in figures.items()}
    return Row(
        options=_difference(next(iter(members.values())), next(iter(first.values()))),
        seeds=seeds,
        **means,
        JF_half=_half(figures["JF"]),
        gain=float(np.mean(gains)) if gains else None,
        gain_half=_half(gains),
    )


def _options(run: Run) -> Options:
    """Every key of a run's configuration, as section.key."""
    return values_of(from_toml(run.config, str(RunFolder(run.folder).config)))


def _difference(run: Run, first: Run) -> str:
    """What a run states otherwise than the first, as it would be given to --set.

    What follows from another variant of the network is not named one by one.
    """
    stated, base = _options(run), _options(first)
    if stated["model.variant"] != base["model.variant"]:
        chosen = ModelConfig.variants[stated["model.variant"]]
        base |= {f"model.{name}": value for name, value in chosen.items()}
    changed = [f"{name}={stated[name]}" for name in stated if stated[name] != base[name]]
    return ", ".join(changed) or "as the first run"


def _require_same_episodes(runs: Sequence[Run]) -> None:
    drawn = {str((run.score or {}).get("manifest")): run for run in runs}
    if len(drawn) > 1:
        one, other, *_ = drawn.values()
        raise UsageError(
            f"{one.folder} and {other.folder} were scored on different test episodes; evaluate "
            "them with the same evaluate options"
        )


def _figure(run: Run, name: str) -> float:
    return float((run.score or {})[name])


def _half(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    low, high = student_interval(values)
    return (high - low) / 2


def _cells(row: Row) -> list[str]:
    return [
        str(len(row.seeds)),
        *(f"{value:.1f}" for value in (row.J, row.F, row.JF)),
        "" if row.JF_half is None else f"± {row.JF_half:.1f}",
        "" if row.gain is None else f"{row.gain:+.1f}",
        "" if row.gain_half is None else f"± {row.gain_half:.1f}",
        row.options,
    ]
