"""What an episode's prediction is: the records that the predictions file holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONDITIONS = (
    "model",
    "wrong_support",
    "empty_sentence",
    "twin_sentence",
    "untrained",
    "similarity",
)
"""What an episode was run with: the model as it is, or one of the controls."""


@dataclass(frozen=True, order=True)
class EpisodeKey:
    """Where an episode lies in the file; the same seed and number is the same episode in every
    condition."""

    condition: str
    seed: int
    episode: int

    @property
    def group(self) -> str:
        return f"{self.condition}/seed{self.seed}/{self.episode:05d}"


@dataclass(frozen=True)
class EpisodeInfo:
    """What is known of an episode besides its masks.

    ``object_id`` is the object that counts as the truth, in the control with the twin's sentence
    too. ``text`` is the sentence the model was given. ``score`` is the model's own confidence in
    [0, 1]. ``twin`` says whether the video holds another object of the same category.
    """

    video: str
    expression_id: str
    object_id: int
    category: str
    text: str
    frames: tuple[str, ...]
    height: int
    width: int
    score: float = 0.0
    twin: bool = False
    support_video: str = ""
    support_frames: tuple[str, ...] = ()
    support_object: int = 0


@dataclass(frozen=True)
class EpisodePrediction:
    """An episode's answer: ``masks`` bool [T, H, W], ``presence`` float32 [T] in [0, 1]."""

    key: EpisodeKey
    info: EpisodeInfo
    masks: npt.NDArray[np.bool_]
    presence: npt.NDArray[np.float32]
