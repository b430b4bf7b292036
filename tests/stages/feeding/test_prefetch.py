"""Batches ahead of time: the order, how many there are at once, what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from stages.feeding.prefetch import Prefetch


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("depth", [0, 1, 2, 9])
def test_results_come_in_order_whoever_is_first(threads: int, depth: int) -> None:
    def make(step: int) -> int:
        time.sleep(0.002 * (step % 3 == 0))
        return step * step

    assert list(Prefetch(make, range(3, 15), threads, depth)) == [i * i for i in range(3, 15)]


def test_an_empty_range_makes_nothing() -> None:
    assert list(Prefetch(lambda step: 1 / 0, range(5, 5), 2, 4)) == []


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_than_depth_are_made_ahead(depth: int) -> None:
    lock = threading.Lock()
    made, taken = 0, 0
    ahead: list[int] = []

    def make(step: int) -> int:
        nonlocal made
        with lock:
            made += 1
            ahead.append(made - taken)
        return step

    def slowly() -> Iterator[int]:
        nonlocal taken
        for step in Prefetch(make, range(12), 2, depth):
            with lock:
                taken += 1
            time.sleep(0.003)
            yield step

    assert list(slowly()) == list(range(12))
    assert made == 12
    assert max(ahead) <= depth + 1  # one may be on its way from the queue to its taker


def test_an_error_surfaces_at_its_step() -> None:
    def make(step: int) -> int:
        if step == 4:
            raise ValueError("step four")
        return step

    seen: list[int] = []
    with pytest.raises(ValueError, match="step four"):
        for step in Prefetch(make, range(10), 2, 3):
            seen.append(step)
    assert seen == [0, 1, 2, 3]


def test_leaving_early_ends_the_threads() -> None:
    batches = iter(Prefetch(lambda step: step, range(1000), 2, 4))
    assert next(batches) == 0
    batches.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]


def test_the_wait_is_the_time_spent_blocked() -> None:
    begun = threading.Event()

    def make(step: int) -> int:
        if step == 0:
            begun.wait(10)
            time.sleep(0.05)
        return step

    batches = Prefetch(make, range(3), 1, 2)
    assert batches.waited == 0
    timer = threading.Timer(0.01, begun.set)
    timer.start()
    assert list(batches) == [0, 1, 2]
    timer.join()
    assert batches.waited >= 0.05
