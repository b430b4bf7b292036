"""Present or not: how well a network's presence tells clips that show what is asked for from clips
that do not.

Absent is what the control with a wrong category's support asks for: a kind that the clip does not
show. Each of its episodes stands against the model's own of the same clip and sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.scoring.episodes import EpisodeScore

ABSENT_KIND = "wrong_support"


@dataclass(frozen=True)
class PresenceFigures:
    """In percent but for the counts and the threshold.

    Attributes:
        auc: of a present and an absent clip, how often the present one has the higher presence.
        threshold: presence in [0, 1] that the next two are told at.
        present: of the clips that show it, how many are called present.
        absent: of those that do not, how many are called absent.
        clips: how many of each there are.
    """

    auc: float
    threshold: float
    present: float
    absent: float
    clips: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        """As score.json holds it."""
        return {**asdict(self), "clips": list(self.clips)}

    def line(self) -> str:
        """For people."""
        shown, missing = self.clips
        return (
            f"present or not, against an absent kind: AUC {self.auc:.1f}; at a presence of "
            f"{self.threshold:.2f}, {self.present:.0f} % of {shown} present and "
            f"{self.absent:.0f} % of {missing} absent ones called so"
        )


def presence_figures(
    scores: Mapping[str, Sequence[EpisodeScore]], threshold: float
) -> PresenceFigures | None:
    """Of the episodes that both conditions hold; None without the control."""
    answered = {
        (item.key.seed, item.key.episode): item.info.score for item in scores.get("model", ())
    }
    absent = {
        (item.key.seed, item.key.episode): item.info.score for item in scores.get(ABSENT_KIND, ())
    }
    both = sorted(answered.keys() & absent.keys())
    if not both:
        return None
    shown = np.array([answered[key] for key in both])
    missing = np.array([absent[key] for key in both])
    return PresenceFigures(
        auc=100 * area_under_curve(shown, missing),
        threshold=threshold,
        present=100 * float((shown >= threshold).mean()),
        absent=100 * float((missing < threshold).mean()),
        clips=(len(shown), len(missing)),
    )


def area_under_curve(present: NDArray[np.float64], absent: NDArray[np.float64]) -> float:
    """Share of pairs in which the present one is higher; a tie counts half (Mann and Whitney)."""
    ordered = np.sort(absent)
    below = np.searchsorted(ordered, present, side="left")
    upto = np.searchsorted(ordered, present, side="right")
    return float((below + upto).mean() / (2 * len(absent)))
