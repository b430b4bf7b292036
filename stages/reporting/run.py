"""A run and one of its evaluations, read with the understanding that half of it may be missing."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from configs.errors import FsrvosError, MissingError, command
from configs.model import ModelConfig
from stages.predictions import read_meta
from stages.runs.checkpoint import digest_of_weights, read_facts
from stages.runs.folder import EvaluationFolder, RunFolder, digest_of_file
from stages.runtime.provenance import recorded

Point = tuple[float, float]

_SETTINGS = ("predictions", "provenance", "settings", "evaluate")


@dataclass(frozen=True)
class Run:
    """The readable parts of a run; ``notes`` says what is missing, and what to do.

    ``folder`` is the run's, or the evaluation's where it is of a network without one.
    ``evaluation`` is the one asked for, or the run's newest, None without any.
    """

    folder: Path
    evaluation: EvaluationFolder | None
    config: str
    metrics: tuple[Mapping[str, Any], ...]
    score: Mapping[str, Any] | None
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def predictions(self) -> Path | None:
        """The predictions file, if there is one."""
        path = self.evaluation.predictions if self.evaluation else None
        return path if path is not None and path.is_file() else None

    @property
    def dataset(self) -> str:
        """The dataset's name: from the score, else from the folder's name."""
        named = self.score.get("dataset") if self.score else None
        if named:
            return Path(str(named)).name
        return self.name.split("-fold")[0].rpartition("-")[0] or "unknown dataset"

    @property
    def kind(self) -> str | None:
        """What the builder of the dataset made, None where nobody noted it. No name is a kind."""
        noted = self.score.get("kind") if self.score else None
        return str(noted) if noted else None

    @property
    def fold(self) -> int | None:
        """The fold: from the score, else from the folder's name."""
        named = self.score.get("fold") if self.score else None
        if named is None:
            named = self.name.rpartition("-fold")[2]
        return int(named) if str(named).isdigit() else None

    @property
    def config_name(self) -> str:
        """The configuration's name, as in <dataset>-<config>-fold<N>; else the folder's name."""
        stem, found, _ = self.name.rpartition("-fold")
        if not found:
            return self.name
        own = stem.removeprefix(f"{self.trained_on}-")  # a name may hold a dash
        return own if own != stem else stem.rpartition("-")[2]

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What training noted of the weights; nothing where there are none."""
        return read_facts(self.folder) or {}

    @property
    def training_seed(self) -> int | None:
        """The seed that it was trained with, where that is known."""
        seed = self.facts.get("seed")
        return None if seed is None else int(seed)

    @property
    def trained_on(self) -> str:
        """Names of the datasets that it was trained on, joined by a plus; empty where unknown."""
        return "+".join(Path(str(root)).name for root in self.facts.get("data") or ())

    @property
    def tuned_steps(self) -> int:
        """Steps on the support clip before a question was asked."""
        return self.evaluated("finetune_steps")

    def evaluated(self, name: str) -> int:
        """A number of the section `evaluate` that it was evaluated with; 0 where nobody says."""
        found = recorded(self.score or {}, *_SETTINGS, name)
        return found if isinstance(found, int) else 0

    @cached_property
    def affinity(self) -> str:
        """The kind of affinity that was trained; "unknown" without a configuration."""
        if not self.config:
            return "unknown"
        try:
            model = tomllib.loads(self.config).get("model", {})
        except tomllib.TOMLDecodeError:
            return "unknown"
        return str(model.get("affinity", ModelConfig().affinity))

    def series(self, name: str) -> list[Point]:
        """(step, value) of a field of metrics.jsonl, without what is not a finite number."""
        points: list[Point] = []
        for line in self.metrics:
            step, value = line.get("step"), line.get(name)
            if _finite(step) and _finite(value):
                points.append((float(step), float(value)))
        return points

    def fields(self, prefix: str) -> list[str]:
        """Names in metrics.jsonl that begin so, in order of first appearance."""
        return list(dict.fromkeys(n for line in self.metrics for n in line if n.startswith(prefix)))


def load_run(folder: Path) -> Run:
    """Read a run folder with its newest evaluation, or an evaluation with its run.

    MissingError only where there is no folder at all.
    """
    if not folder.is_dir():
        train = command("fsrvos", "train", "--from-cache", "--run", folder)
        raise MissingError(f"{folder}: no such run; train one: {train}")
    notes: list[str] = []
    evaluation: EvaluationFolder | None = EvaluationFolder(folder)
    home: Path | None = folder
    if evaluation is not None and evaluation.exists:
        home = _run_of(evaluation)
    else:
        evaluation = _newest(RunFolder(folder), notes)
    config = metrics = None
    if home is not None:
        config = _text(RunFolder(home).config, "no configuration", notes)
        metrics = _metrics(RunFolder(home).metrics, notes)
    score = None if evaluation is None else _score(evaluation, notes)
    if score is not None and home is not None:
        _note_other_weights(score, RunFolder(home), notes)
    return Run(home or folder, evaluation, config or "", metrics or (), score, tuple(notes))


def _run_of(evaluation: EvaluationFolder) -> Path | None:
    """The run that an evaluation lies in, or names as its own; None where there is none."""
    above = evaluation.path.resolve().parent
    if above == RunFolder(above.parent).evaluation("").path:
        return above.parent
    try:
        named = read_meta(evaluation.predictions).get("run")
    except FsrvosError:
        return None
    return Path(named) if isinstance(named, str) and Path(named).is_dir() else None


def _newest(run: RunFolder, notes: list[str]) -> EvaluationFolder | None:
    found = run.evaluations()
    if not found or not found[0].predictions.is_file():
        evaluate = command("fsrvos", "evaluate", "--run", run.path)
        notes.append(f"No predictions yet: run `{evaluate}`.")
    if not found:
        return None
    if found[1:]:
        names = ", ".join(evaluation.path.name for evaluation in found[1:])
        notes.append(
            f"This is evaluation {found[0].path.name}, the newest; there are also {names}."
        )
    return found[0]


def _note_other_weights(score: Mapping[str, Any], run: RunFolder, notes: list[str]) -> None:
    made_with = recorded(score, "predictions", "provenance", "digests", "weights")
    if made_with and run.weights.is_file() and digest_of_weights(run.weights) != made_with:
        evaluate = command("fsrvos", "evaluate", "--run", run.path)
        notes.append(f"The run was trained on since it was evaluated: run `{evaluate}` anew.")


def _finite(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _text(path: Path, otherwise: str, notes: list[str]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        notes.append(f"{otherwise.capitalize()}: {path.name} is missing or unreadable.")
        return ""


def _metrics(path: Path, notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    """Lines of JSON; a line cut short by an interrupted training is passed over and counted."""
    text = _text(path, "no training log", notes)
    lines, broken = [], 0
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            lines.append(value)
        else:
            broken += bool(line.strip())
    if broken:
        notes.append(f"{broken} unreadable lines in {path.name} were passed over.")
    return tuple(lines)


def _score(evaluation: EvaluationFolder, notes: list[str]) -> Mapping[str, Any] | None:
    """The score of the predictions that are there; a note where there is none."""
    again = f"run `{command('fsrvos', 'score', evaluation.path)}`"
    if not evaluation.score.is_file():
        notes.append(f"No score yet: {again}.")
        return None
    name = evaluation.score.name
    try:
        score = json.loads(evaluation.score.read_text(encoding="utf-8"))
        figures = [score, *score["per_category"].values(), *score["controls"].values()]
        for name_of_figure in ("J", "F", "JF"):
            for item in figures:
                float(item[name_of_figure])
        score["seeds"][0]["n"], score["protocol"]
        of = score["predictions"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        notes.append(f"{name} is malformed: {again} again.")
        return None
    if evaluation.predictions.is_file() and digest_of_file(evaluation.predictions) != of:
        notes.append(f"{name} is of other predictions: {again} again.")
        return None
    return dict(score)
