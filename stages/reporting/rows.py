"""Rows of the paper's tables out of our runs: figures with their interval, trainings, controls.

A row is a configuration under a protocol. Its runs of one fold differ in their training seed, and
count as their mean. The interval is that of J&F: over training seeds where there are several,
otherwise over the drawings of the support.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configs.errors import UsageError
from stages.reporting.published import FOLDS, NOTHING, Rows
from stages.reporting.run import Run
from stages.scoring.aggregate import student_interval

TRAINING_HEAD = (
    "J&F lost with",
    "wrong support",
    "no sentence",
    "twin's sentence",
    "trainings",
    "steps",
    "minutes each",
)
CONTROLS = ("wrong_support", "empty_sentence", "twin_sentence")

Grouped = Mapping[str, Mapping[int | None, list[Run]]]


def fold_rows(runs: Sequence[Run]) -> Rows:
    """A column a fold; the mean only of all four folds."""
    rows = []
    for label, by_fold in grouped([run for run in runs if run.fold is not None]).items():
        cells = [pair(by_fold[fold]) if fold in by_fold else NOTHING for fold in FOLDS]
        whole = [by_fold[fold] for fold in FOLDS if fold in by_fold]
        mean = pair_of_folds(whole) if len(whole) == len(FOLDS) else NOTHING
        rows.append((label, *cells, mean))
    return tuple(rows)


def figure_rows(runs: Sequence[Run]) -> Rows:
    """J, F and J&F of runs of one fold."""
    return tuple(
        (named(label, members), *figures(members))
        for label, by_fold in grouped(runs).items()
        for members in by_fold.values()
    )


def affinity_rows(runs: Sequence[Run]) -> Rows:
    """By kind of affinity in the order of the paper's argument, then by fold and configuration."""
    order = ("none", "self", "cross")
    kinds: dict[tuple[int, str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.name):
        rank = order.index(run.affinity) if run.affinity in order else len(order)
        kinds.setdefault((rank, str(run.fold or "?"), run.config), []).append(run)
    rows = []
    for key in sorted(kinds):
        members = kinds[key]
        grouped(members)  # the same training twice is refused
        first = members[0]
        label = label_of(first) if len(members) == 1 else protocol(first)
        name = f"affinity {first.affinity}, fold {first.fold or '?'}"
        rows.append((f"{named(name, members)}, {label}", *figures(members)))
    return tuple(rows)


def training_rows(runs: Sequence[Run]) -> Rows:
    """What each row's runs took and what they lose under the controls; none of this known, none."""
    rows = []
    for label, by_fold in grouped(runs).items():
        members = [run for of_fold in by_fold.values() for run in of_fold]
        known = [lost(members, control) for control in CONTROLS]
        reports = [run.facts.get("report", {}) for run in members]
        steps, seconds = (
            [report[name] for report in reports if name in report] for name in ("steps", "seconds")
        )
        took = (span(steps), span([second / 60 for second in seconds], ".1f"))
        if len(steps) < len(members):  # of some, nobody knows
            took = (NOTHING, NOTHING)
        if {*known, *took} != {NOTHING}:
            rows.append((label, *known, str(len(members)), *took))
    return tuple(rows)


def grouped(runs: Sequence[Run]) -> Grouped:
    """Runs by row and fold, in the order in which they were named. Raises UsageError for the same
    training twice."""
    rows: dict[str, dict[int | None, list[Run]]] = {}
    for run in runs:
        members = rows.setdefault(label_of(run), {}).setdefault(run.fold, [])
        for other in members:
            if run.training_seed is not None and other.training_seed == run.training_seed:
                raise UsageError(
                    f"{other.folder} and {run.folder} are {label_of(run)} of one fold and training "
                    "seed; name one of them"
                )
        members.append(run)
    return rows


def label_of(run: Run) -> str:
    """What a row is called: configuration, what it was tuned and trained on, protocol."""
    parts = [run.config_name]
    if run.tuned_steps:
        parts.append(f"tuned {run.tuned_steps} steps on the support")
    if run.trained_on and run.trained_on != run.dataset:
        parts.append(f"trained on {run.trained_on}")
    return ", ".join([*parts, protocol(run)])


def protocol(run: Run) -> str:
    """The protocol that a run was scored by, in words."""
    return f"protocol {(run.score or {})['protocol']}"


def named(label: str, runs: Sequence[Run]) -> str:
    """A label that says over how many trainings it is a mean."""
    return label if len(runs) == 1 else f"{label}, {len(runs)} training seeds"


def pair(runs: Sequence[Run]) -> str:
    """Mean J and mean F of one fold's runs as one cell, with half the interval of J&F."""
    return _pair_cell(mean(runs, "J"), mean(runs, "F"), half_interval(runs))


def pair_of_folds(by_fold: Sequence[Sequence[Run]]) -> str:
    """The same of several folds, which all count alike."""
    j, f = (sum(mean(runs, name) for runs in by_fold) / len(by_fold) for name in ("J", "F"))
    return _pair_cell(j, f, half_interval_of_folds(by_fold))


def figures(runs: Sequence[Run]) -> tuple[str, str, str]:
    """Mean J, F and J&F, the last with half its interval."""
    half = half_interval(runs)
    jf = f"{mean(runs, 'JF'):.1f}" + ("" if half is None else f" ± {half:.1f}")
    return f"{mean(runs, 'J'):.1f}", f"{mean(runs, 'F'):.1f}", jf


def mean(runs: Sequence[Run], name: str) -> float:
    """Mean of a figure over runs, in percent."""
    return sum(float((run.score or {})[name]) for run in runs) / len(runs)


def half_interval(runs: Sequence[Run]) -> float | None:
    """Half the 95 % interval of J&F of one fold's runs; None where nothing was repeated."""
    if len(runs) > 1:
        return half_of([mean([run], "JF") for run in runs])
    ends = ((runs[0].score or {}).get("interval") or {}).get("JF")
    return None if ends is None else (ends[1] - ends[0]) / 2


def half_interval_of_folds(by_fold: Sequence[Sequence[Run]]) -> float | None:
    """The same of the mean over folds: over what was repeated alike in all of them."""
    seeds = [{run.training_seed: run for run in runs} for runs in by_fold]
    if any(len(runs) > 1 for runs in by_fold):
        if any(own.keys() != seeds[0].keys() or None in own for own in seeds):
            return None
        return half_of([_over([mean([own[s]], "JF") for own in seeds]) for s in seeds[0]])
    drawn = [drawings(runs[0]) for runs in by_fold]
    if len(drawn[0]) < 2 or any(own.keys() != drawn[0].keys() for own in drawn):
        return None
    return half_of([_over([own[seed] for own in drawn]) for seed in drawn[0]])


def drawings(run: Run) -> dict[int, float]:
    """J&F of each drawing of the support, by its seed."""
    seeds: Sequence[Mapping[str, Any]] = (run.score or {})["seeds"]
    return {int(one["seed"]): float(one["JF"]) for one in seeds if "JF" in one}


def half_of(values: Sequence[float]) -> float:
    """Half the 95 % interval of the mean of two or more values."""
    low, high = student_interval(values)
    return (high - low) / 2


def lost(runs: Sequence[Run], control: str) -> str:
    """Mean points of J&F that a control loses, known of all runs or not said."""
    drops = [(run.score or {})["controls"].get(control, {}).get("drop_JF") for run in runs]
    known = [float(drop) for drop in drops if drop is not None]
    return f"{_over(known):.1f}" if known and len(known) == len(runs) else NOTHING


def span(values: Sequence[float], form: str = "d") -> str:
    """One value, or the least and the greatest; a dash without any."""
    if not values:
        return NOTHING
    ends = dict.fromkeys((format(min(values), form), format(max(values), form)))
    return "–".join(ends)


def _pair_cell(j: float, f: float, half: float | None) -> str:
    return f"{j:.1f} / {f:.1f}" + ("" if half is None else f" ± {half:.1f}")


def _over(values: Sequence[float]) -> float:
    return sum(values) / len(values)
