"""The controls: the same episodes with one thing taken away, beside the model on just those.

A score alone does not show that a network uses its support and its sentence; a network that finds
salient things scores well too. So each control states by how much it has to lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from configs.errors import DataError
from stages.predictions import EpisodeKey
from stages.scoring.aggregate import Figures, summarise
from stages.scoring.episodes import EpisodeScore
from stages.scoring.protocols import Protocol


@dataclass(frozen=True)
class Requirement:
    """What a control must show: to lose ``points`` of ``figure``, or to stay below ``points``.

    ``twins_only``: only videos with a second object of the category count, since only there is
    the sentence needed to tell which one is meant.
    """

    label: str
    figure: Literal["J", "JF"]
    rule: Literal["lose", "below"]
    points: float
    twins_only: bool = False

    def __str__(self) -> str:
        figure = "J&F" if self.figure == "JF" else "J"
        if self.rule == "lose":
            return f"lose {self.points:g} {figure} or more"
        return f"{figure} under {self.points:g}"


REQUIREMENTS: Mapping[str, Requirement] = {
    "wrong_support": Requirement("wrong category's support", "JF", "lose", 15),
    "empty_sentence": Requirement("empty sentence, twins", "J", "lose", 20, twins_only=True),
    "twin_sentence": Requirement("twin's sentence, twins", "J", "lose", 20, twins_only=True),
    "untrained": Requirement("no training", "JF", "below", 10),
    "similarity": Requirement("training-free similarity", "JF", "lose", 0),
}


@dataclass(frozen=True)
class Control:
    """A control's figures and the model's on exactly the same episodes, in percent."""

    requirement: Requirement
    control: Figures
    model: Figures

    def drop(self, figure: Literal["J", "F", "JF"]) -> float:
        """Points that the control lost."""
        return float(getattr(self.model, figure) - getattr(self.control, figure))

    @property
    def passed(self) -> bool:
        """Whether the requirement is met."""
        rule = self.requirement
        if rule.rule == "lose":
            return self.drop(rule.figure) >= rule.points
        return float(getattr(self.control, rule.figure)) < rule.points

    def to_json(self) -> dict[str, Any]:
        """Plain values for score.json."""
        return {
            **self.control.to_json(),
            "model_J": self.model.J,
            "model_F": self.model.F,
            "model_JF": self.model.JF,
            "drop_J": self.drop("J"),
            "drop_F": self.drop("F"),
            "drop_JF": self.drop("JF"),
            "required": str(self.requirement),
            "passed": self.passed,
        }


def compare(
    path: Path, scores: Mapping[str, Sequence[EpisodeScore]], protocol: Protocol
) -> dict[str, Control]:
    """Every control that was evaluated. ``scores`` holds the episodes of each condition.

    Raises DataError when a control's episode has no counterpart: the comparison would not be
    between the same episodes.
    """
    model = {(score.key.seed, score.key.episode): score for score in scores["model"]}
    controls = {}
    for condition, requirement in REQUIREMENTS.items():
        kept, counterparts = [], []
        for score in scores.get(condition, ()):
            twin = counterpart(path, score, model)
            if twin.info.twin or not requirement.twins_only:
                kept.append(score)
                counterparts.append(twin)
        if kept:
            controls[condition] = Control(
                requirement, summarise(kept, protocol), summarise(counterparts, protocol)
            )
    return controls


def counterpart(
    path: Path, score: EpisodeScore, model: Mapping[tuple[int, int], EpisodeScore]
) -> EpisodeScore:
    """The model's score of the same episode; DataError where there is none."""
    key: EpisodeKey = score.key
    same = model.get((key.seed, key.episode))
    if same is None or (same.info.video, same.info.object_id) != (
        score.info.video,
        score.info.object_id,
    ):
        raise DataError(
            f"{path}: /{key.group} has no model episode of the same video and object to compare "
            "with; evaluate the run again"
        )
    return same
