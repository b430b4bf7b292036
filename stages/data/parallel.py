"""Work on many small tasks side by side, results in order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from joblib import Parallel

Progress = Callable[[int, int], None]


def in_parallel(tasks: Sequence[Any], jobs: int, progress: Progress | None = None) -> list[Any]:
    """The results of joblib's `delayed` tasks, in their order, from `jobs` processes.

    `progress(done, total)` is called after each. When one raises, or the caller is interrupted, no
    process works on by the time this returns.
    """
    results: list[Any] = []
    running = Parallel(n_jobs=jobs, return_as="generator", batch_size=4)(tasks)
    try:
        for result in running:
            results.append(result)
            if progress is not None:
                progress(len(results), len(tasks))
    finally:
        with warnings.catch_warnings():  # joblib's, about tasks that were cut off
            warnings.simplefilter("ignore")
            running.close()
    return results
