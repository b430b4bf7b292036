"""Work that overlaps: an iterator that is run ahead of its reader by a thread of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class _End:
    """After the last item: what went wrong, if anything."""

    error: BaseException | None = None


def ahead(items: Iterable[T], depth: int, name: str = "ahead") -> Generator[T, None, None]:
    """The same items in the same order, made by a thread at most `depth` items ahead.

    What the making raises, the reader raises in its turn. Closing the generator, or leaving it by
    an error, ends the thread once the item in hand is made.
    """
    held: Queue[T | _End] = Queue(max(1, depth))
    stopped = Event()
    maker = Thread(target=_make, args=(items, held, stopped), name=name, daemon=True)
    maker.start()
    try:
        while not isinstance(item := held.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        _empty(held)
        maker.join()


def _make(items: Iterable[T], held: Queue[T | _End], stopped: Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _hand_on(item, held, stopped):
                break
    except BaseException as raised:  # handed on, whatever it is
        error = raised
    if isinstance(items, Generator):
        items.close()
    _hand_on(_End(error), held, stopped)


def _hand_on(item: T | _End, held: Queue[T | _End], stopped: Event) -> bool:
    """Whether the reader still wants it."""
    while not stopped.is_set():
        try:
            held.put(item, timeout=_POLL_SECONDS)
            return True
        except Full:
            continue
    return False


def _empty(held: Queue[T | _End]) -> None:
    """Let go of what nobody will read."""
    while True:
        try:
            held.get_nowait()
        except Empty:
            return
