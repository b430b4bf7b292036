"""What an extraction is told and what it says: a job a video, the pieces under way, the tally."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import ItemWriter


@dataclass(frozen=True)
class Job:
    """One video to extract.

    paths: of its frames, in order; stamp: their fingerprint when the item was named; read: frame
    number to uint8 [H, W, 3] at the network's size; meta: kept in the item's record.
    """

    video: str
    item: str
    paths: Sequence[Path]
    stamp: str
    read: Callable[[int], NDArray[np.uint8]]
    meta: dict[str, Any]


@dataclass(frozen=True)
class Work:
    """A job under way: its writer, and what to give up at the end."""

    job: Job
    writer: ItemWriter
    resources: ExitStack


@dataclass(frozen=True)
class Piece:
    """Consecutive frames of one video: uint8 [n, H, W, 3], beginning at frame `start`."""

    work: Work
    start: int
    frames: NDArray[np.uint8]


@dataclass
class Tally:
    """What an extraction did; seconds are of the wall clock."""

    frames: int = 0
    written_bytes: int = 0
    encoder_seconds: float = 0.0
    elsewhere: list[str] = field(default_factory=list)
