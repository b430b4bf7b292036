"""Batches made ahead of time by threads, in order, with the wait measured.

Threads suffice: reading a cache is file input and numpy, which release the interpreter lock, and
nothing has to be pickled. Step i's batch depends on i alone, so neither the number of threads nor
the prefetch depth changes what is trained on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Iterates `make(step)` for the steps of a range; `waited` is the seconds spent blocked.

    At most `depth` results are held, whatever the length of the range.
    """

    def __init__(
        self, make: Callable[[int], T], steps: range, threads: int = 1, depth: int = 4
    ) -> None:
        self._make, self._steps = make, steps
        self._threads, self._depth = max(1, threads), max(1, depth)
        self.waited = 0.0

    def __iter__(self) -> Iterator[T]:
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="prefetch")
        pending: deque[Future[T]] = deque()
        todo = iter(self._steps)
        try:
            for step in self._steps[: self._depth]:
                pending.append(pool.submit(self._make, step))
                next(todo)
            while pending:
                start = time.perf_counter()
                batch = pending.popleft().result()
                self.waited += time.perf_counter() - start
                for step in todo:
                    pending.append(pool.submit(self._make, step))
                    break
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
