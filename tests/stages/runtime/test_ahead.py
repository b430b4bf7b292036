"""An iterator run ahead of its reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from stages.runtime.ahead import ahead


def test_items_come_in_order_and_all() -> None:
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([], 3)) == []


def test_no_more_are_made_than_may_wait() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            if number == 4:
                enough.set()
            yield number

    with closing(ahead(items(), 3)) as taken:
        assert next(taken) == 0
        assert enough.wait(10)  # three wait, and the fifth is in hand
        assert made == [0, 1, 2, 3, 4]
        assert list(taken) == list(range(1, 50))


def test_what_the_making_raises_is_raised_after_what_was_made() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("broken")

    taken = ahead(items(), 5)
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(taken)


def test_closing_ends_the_thread_and_what_it_reads() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            yield from count()
        finally:
            closed.set()

    before = threading.active_count()
    with closing(ahead(ahead(endless(), 2), 2)) as taken:
        assert next(taken) == 0
        assert threading.active_count() == before + 2
    assert closed.is_set()
    assert threading.active_count() == before
