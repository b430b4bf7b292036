"""What somebody's predictions say, before any mask of them is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class Asked(NamedTuple):
    """The name of a question: a video and the id of one of its expressions."""

    video: str
    expression: str

    def __str__(self) -> str:
        return f"video {self.video!r}, expression {self.expression!r}"


@dataclass(frozen=True)
class Sheet:
    """One expression's masks by the name of their frame: where each is from, and how to decode it.

    Calling one gives bool [H, W], None for an empty mask without a size, or raises DataError that
    names the place.
    """

    frames: Mapping[str, Callable[[], Mask | None]]
    place: str


@dataclass(frozen=True)
class Answers:
    """All that a file or folder of predictions holds.

    ``layout`` is what was recognised, in words. ``annotators`` numbers the sentences of an object
    that were answered where masks are stored an object and not an expression: 0 is its first.
    None where every expression has masks of its own.
    """

    layout: str
    sheets: Mapping[Asked, Sheet]
    annotators: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
