"""From a network's presence logit to a probability that holds: Platt scaling.

Fitted on clips of videos that nothing was learnt from, some of which show what is asked for and
some nothing of its kind. It lies beside a run's weights with what it was fitted on, so that a
report can draw how far its probabilities are true.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cache.whole import replace_text
from configs import DataError
from stages.runs.folder import RunFolder

BINS = 10  # of the reliability curve, equally wide in probability
THRESHOLD = 0.5  # presence from which a frame shows the object, at most
MISSED = 0.05  # share of the clips with the object that may fall below it
FLATTEST = 1e-3  # slope at least: more presence never means less probability


@dataclass(frozen=True)
class Calibration:
    """p = sigmoid(slope x + offset) of a presence logit x.

    Attributes:
        slope: above 0.
        offset: added to it.
        present: logits of the clips that show what is asked for.
        absent: logits of those that do not.
    """

    slope: float = 1.0
    offset: float = 0.0
    present: tuple[float, ...] = field(default=())
    absent: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if not (np.isfinite([self.slope, self.offset]).all() and self.slope > 0):
            raise ValueError("a calibration has a finite slope above 0 and a finite offset")

    def probability(self, logits: NDArray[np.floating[Any]] | float) -> NDArray[np.float32]:
        """That what is asked for is there, in [0, 1], of presence logits of any shape."""
        scaled = self.slope * np.asarray(logits, np.float64) + self.offset
        return (1 / (1 + np.exp(-np.clip(scaled, -50, 50)))).astype(np.float32)

    def probability_of(self, presence: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The same of what the network takes for probabilities, the logits' sigmoids."""
        kept = np.clip(np.asarray(presence, np.float64), 1e-9, 1 - 1e-9)
        return self.probability(np.log(kept / (1 - kept)))

    @property
    def fitted(self) -> bool:
        """Whether anything is behind it."""
        return bool(self.present and self.absent)

    @property
    def threshold(self) -> float:
        """Presence from which a frame shows the object: a half, or less where more than `MISSED` of
        the clips that do show it would be lost."""
        if not self.fitted:
            return 0.0
        said = self.probability(np.asarray(self.present))
        return min(THRESHOLD, float(np.quantile(said, MISSED)))

    def reliability(self) -> list[Reliability]:
        """How often it was there, by the probability that said so; bins without a clip left out."""
        said = np.concatenate([self.probability(x) for x in map(np.asarray, self._clips)])
        truth = np.repeat([1.0, 0.0], [len(self.present), len(self.absent)])
        bins = np.minimum((said * BINS).astype(int), BINS - 1)
        return [
            Reliability(float(said[at].mean()), float(truth[at].mean()), int(at.sum()))
            for at in (bins == number for number in range(BINS))
            if at.any()
        ]

    @property
    def _clips(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.present, self.absent


@dataclass(frozen=True)
class Reliability:
    """One bin: mean probability said, share of `clips` clips that showed what was asked for."""

    said: float
    true: float
    clips: int


def calibrated(present: Sequence[float], absent: Sequence[float]) -> Calibration:
    """The calibration of least log loss, both kinds of clips weighing alike, with targets a little
    inside 0 and 1 (Platt, 1999), so that a few clips never make it certain."""
    if not (len(present) and len(absent)):
        return Calibration()
    x = np.concatenate([present, absent]).astype(np.float64)
    sizes = [len(present), len(absent)]
    high, low = (sizes[0] + 1) / (sizes[0] + 2), 1 / (sizes[1] + 2)
    target, weight = np.repeat([high, low], sizes), np.repeat([0.5 / n for n in sizes], sizes)
    middle, spread = float(np.median(x)), float(x.std()) or 1.0
    unit = (x - middle) / spread

    def loss(parameters: NDArray[np.float64]) -> float:
        logit = parameters[0] * unit + parameters[1]
        return float((weight * (np.logaddexp(0, logit) - target * logit)).sum())

    bounds = [(FLATTEST, 50.0), (-50.0, 50.0)]
    slope, offset = minimize(loss, [1.0, 0.0], bounds=bounds, method="L-BFGS-B").x
    return Calibration(
        slope=float(slope / spread),
        offset=float(offset - slope * middle / spread),
        present=tuple(round(float(value), 4) for value in present),
        absent=tuple(round(float(value), 4) for value in absent),
    )


def read_calibration(run: Path) -> Calibration:
    """That of a run folder; where it has none, its network's own probabilities.

    Raises DataError where the file is damaged.
    """
    path = RunFolder(run).calibration
    if not path.is_file():
        return Calibration()
    try:
        said = json.loads(path.read_text("utf-8"))
        return Calibration(
            float(said["slope"]),
            float(said["offset"]),
            tuple(map(float, said["present"])),
            tuple(map(float, said["absent"])),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        raise DataError(
            f"{path} is no calibration of presence; train the run again, or remove the file to do "
            "without"
        ) from None


def write_calibration(run: Path, calibration: Calibration) -> None:
    """Into a run folder, whole or not at all. Raises FsrvosError."""
    replace_text(RunFolder(run).calibration, json.dumps(asdict(calibration)) + "\n")
