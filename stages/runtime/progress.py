"""Progress of long work, on stderr: a bar in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0

_silent = False


def silence() -> None:
    """Show nothing more from this process: another one speaks for it."""
    global _silent
    _silent = True


def track(
    iterable: Iterable[Item], total: int | None = None, description: str = ""
) -> Iterator[Item]:
    """Yield the items of an iterable and show how far it is.

    Args:
        iterable: what is worked through.
        total: number of items, where the iterable has no length.
        description: what the work is, at the start of the bar or line.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if _silent:
        yield from iterable
    elif sys.stderr.isatty():
        yield from tqdm(iterable, total=total, desc=description, file=sys.stderr, leave=False)
    else:
        yield from _track_in_lines(iterable, total, description)


def counter(description: str = "") -> Callable[[int, int], None]:
    """A function that is told `(done, total)` after each item, and shows it as `track` does."""
    steps: Iterator[None] | None = None

    def show(done: int, total: int) -> None:
        nonlocal steps
        if steps is None:
            steps = track(itertools.repeat(None, total), total, description)
            next(steps, None)
        next(steps, None)

    return show


def say(message: str) -> None:
    """One line on stderr that does not break a bar."""
    if not _silent:
        tqdm.write(message, file=sys.stderr)


def _track_in_lines(
    iterable: Iterable[Item], total: int | None, description: str
) -> Iterator[Item]:
    """Short work prints nothing; longer work a line every ten seconds and one at its end."""
    start = last = time.monotonic()
    done = told = 0
    for item in iterable:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last, told = now, done
            print(_line(description, done, total, now - start), file=sys.stderr, flush=True)
    if 0 < told < done:
        print(_line(description, done, total, time.monotonic() - start), file=sys.stderr)


def _line(description: str, done: int, total: int | None, seconds: float) -> str:
    head = f"{description}: " if description else ""
    if not total:
        return f"{head}{done} in {seconds:.0f} s"
    left = seconds / done * max(total - done, 0)
    return f"{head}{done}/{total} ({100 * done // total} %), {seconds:.0f} s, {left:.0f} s left"
