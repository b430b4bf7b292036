"""A video in windows: what the network sees at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def windows(items: Iterable[T], length: int, overlap: int = 0) -> Iterator[list[T]]:
    """Windows of at most `length` items, the first `overlap` of each the last of the one before.

    Every window has an item that no other had before.
    """
    if not 0 <= overlap < length:
        raise ValueError(f"windows of {length} cannot share {overlap}")
    remaining = iter(items)
    window: list[T] = []
    while new := list(islice(remaining, length - len(window))):
        yield window + new
        window = (window + new)[-overlap:] if overlap else []


def batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive lists of at most `size` items."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
