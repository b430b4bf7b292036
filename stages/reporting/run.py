"""What a run folder holds, read with the understanding that half of it may be missing."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from configs.errors import MissingError
from configs.model import ModelConfig

CONFIG, METRICS, SCORE, PREDICTIONS = (
    "config.toml",
    "metrics.jsonl",
    "score.json",
    "predictions.h5",
)

Point = tuple[float, float]


@dataclass(frozen=True)
class Run:
    """A run folder's readable parts; ``notes`` says what is missing, and what to do."""

    folder: Path
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
        path = self.folder / PREDICTIONS
        return path if path.is_file() else None

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
        return stem.rpartition("-")[2] if found else self.name

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
    """Read a run folder. MissingError only where there is no folder at all."""
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such run; train one with `fsrvos train --run {folder}`")
    notes: list[str] = []
    config = _text(folder / CONFIG, "no configuration", notes)
    metrics = _metrics(folder / METRICS, notes)
    if not (folder / PREDICTIONS).is_file():
        notes.append(f"No predictions yet: run `fsrvos evaluate --run {folder}`.")
    score = _score(folder, notes)
    return Run(folder, config, metrics, score, tuple(notes))


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


def _score(folder: Path, notes: list[str]) -> Mapping[str, Any] | None:
    path = folder / SCORE
    if not path.is_file():
        notes.append(f"No score yet: run `fsrvos score {folder / PREDICTIONS}`.")
        return None
    try:
        score = json.loads(path.read_text(encoding="utf-8"))
        figures = [score, *score["per_category"].values(), *score["controls"].values()]
        for name in ("J", "F", "JF"):
            for item in figures:
                float(item[name])
        score["seeds"][0]["n"], score["protocol"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        notes.append(f"{path.name} is malformed: run `fsrvos score {folder / PREDICTIONS}` again.")
        return None
    return dict(score)
