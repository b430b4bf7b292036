"""From frames to figures: means within a seed, then over seeds, with their interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stages.scoring.episodes import EpisodeScore
from stages.scoring.protocols import Protocol

CONFIDENCE = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class SeedFigures:
    """Means of one seed, in percent, and how many episodes they rest on."""

    seed: int
    J: float
    F: float
    n: int

    @property
    def JF(self) -> float:
        """Mean of J and F."""
        return (self.J + self.F) / 2

    def to_json(self) -> dict[str, Any]:
        """Plain values for score.json."""
        return {"seed": self.seed, "J": self.J, "F": self.F, "JF": self.JF, "n": self.n}


@dataclass(frozen=True)
class Figures:
    """Means over seeds, in percent.

    ``n`` counts distinct expressions; ``interval`` holds the 95 % interval of each mean over
    seeds and is None with a single seed.
    """

    J: float
    F: float
    JF: float
    n: int
    interval: dict[str, Interval] | None
    seeds: tuple[SeedFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for score.json."""
        return {
            "J": self.J,
            "F": self.F,
            "JF": self.JF,
            "n": self.n,
            "interval": self.interval_json(),
        }

    def interval_json(self) -> dict[str, list[float]] | None:
        """``{"J": [low, high], ...}``, or None with a single seed."""
        if self.interval is None:
            return None
        return {name: list(ends) for name, ends in self.interval.items()}


def summarise(scores: Sequence[EpisodeScore], protocol: Protocol) -> Figures:
    """Figures over at least one episode. Every seed weighs the same."""
    by_seed: dict[int, list[EpisodeScore]] = {}
    for score in scores:
        by_seed.setdefault(score.key.seed, []).append(score)
    seeds = tuple(
        SeedFigures(
            seed,
            _mean([(score, score.j) for score in members], protocol),
            _mean([(score, score.f) for score in members], protocol),
            len(members),
        )
        for seed, members in sorted(by_seed.items())
    )
    columns = {
        "J": [seed.J for seed in seeds],
        "F": [seed.F for seed in seeds],
        "JF": [seed.JF for seed in seeds],
    }
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    return Figures(
        **means,
        n=len({(score.info.video, score.info.expression_id) for score in scores}),
        interval=(
            {name: student_interval(values) for name, values in columns.items()}
            if len(seeds) > 1
            else None
        ),
        seeds=seeds,
    )


def summarise_by(
    scores: Sequence[EpisodeScore],
    protocol: Protocol,
    of: Callable[[EpisodeScore], str],
) -> dict[str, Figures]:
    """Figures per group, sorted by its name."""
    groups: dict[str, list[EpisodeScore]] = {}
    for score in scores:
        groups.setdefault(of(score), []).append(score)
    return {name: summarise(groups[name], protocol) for name in sorted(groups)}


def student_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Interval of the mean of two or more values by Student's t with n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    if len(values) < 2:
        raise ValueError("an interval needs two values or more")
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * error
    return mean - half, mean + half


def half_width(figures: Figures, name: Literal["J", "F", "JF"] = "JF") -> float | None:
    """Half the interval's width, for "64.2 ± 1.3"; None with a single seed."""
    if figures.interval is None:
        return None
    low, high = figures.interval[name]
    return (high - low) / 2


def _mean(frames: Sequence[tuple[EpisodeScore, np.ndarray]], protocol: Protocol) -> float:
    """Percent, over a seed's episodes: each with the float64 [T] that it scored."""
    if protocol.average == "frames":
        return 100 * float(np.mean(np.concatenate([values for _, values in frames])))
    if protocol.average == "expressions":
        return 100 * float(np.mean([np.mean(values) for _, values in frames]))
    objects: dict[tuple[str, int], list[float]] = {}
    for score, values in frames:
        of = (score.info.video, score.info.object_id)
        objects.setdefault(of, []).append(float(np.mean(values)))
    return 100 * float(np.mean([np.mean(means) for means in objects.values()]))
