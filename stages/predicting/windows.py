"""A video in windows: what the network sees at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from stages.predicting.answers import Frame


def windows(frames: Iterable[Frame], length: int) -> Iterator[list[Frame]]:
    """Consecutive windows of at most `length` frames; 0 makes one of all."""
    remaining = iter(frames)
    while window := list(islice(remaining, length or None)):
        yield window
