"""How a video is predicted, beside the run's own configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictOptions:
    """What changes the result; part of what tells a finished prediction from another.

    Attributes:
        adapt: tune the network on the support first, and use that where it helps.
        soft: also write how likely each pixel is the object's.
        seed: of everything that is drawn at random.
        multi: every instance that is described, and not only the likeliest object.
        threshold: score in [0, 1] from which an instance counts.
    """

    adapt: bool = False
    soft: bool = False
    seed: int = 0
    multi: bool = False
    threshold: float = 0.5
