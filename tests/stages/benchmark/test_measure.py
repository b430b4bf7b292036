"""Measuring: what runs when, what counts, and what memory a function takes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from configs import FsrvosError
from stages.benchmark.measure import alternate, matrix_product, mm_seconds, peak_gb


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_functions_run_in_turn_and_the_median_without_the_first_go_counts() -> None:
    clock, calls = Clock(), list[str]()
    durations = {"slow": iter([100.0, 3.0, 9.0, 4.0]), "fast": iter([50.0, 1.0, 1.5, 8.0])}

    def work(name: str) -> None:
        calls.append(name)
        clock.now += next(durations[name])

    functions = {"slow": lambda: work("slow"), "fast": lambda: work("fast")}
    assert alternate(functions, 3, clock) == {"slow": 4.0, "fast": 1.5}
    assert calls == ["slow", "fast"] * 4


def test_an_even_number_of_rounds_takes_the_mean_of_the_middle_two() -> None:
    clock = Clock()
    durations = iter([0.0, 1.0, 4.0])

    def work() -> None:
        clock.now += next(durations)

    assert alternate({"work": work}, 2, clock) == {"work": 2.5}


def test_one_mm_is_a_float32_product_of_two_different_matrices_of_2048() -> None:
    one, again = matrix_product()(), matrix_product()()
    assert isinstance(one, torch.Tensor)
    assert isinstance(again, torch.Tensor)
    assert one.shape == (2048, 2048)
    assert one.dtype == torch.float32
    assert torch.equal(one, again)
    # Entries of a product of standard normal matrices have variance 2048.
    assert one.std().item() == pytest.approx(2048**0.5, rel=0.01)


def test_a_mm_takes_some_time() -> None:
    assert mm_seconds(rounds=1) > 0


@pytest.mark.parametrize("megabytes", [100, 400])
def test_memory_of_a_function_is_what_it_allocates(megabytes: int) -> None:
    # numpy is imported already when the count starts; 30 MB for what the process does beside.
    assert peak_gb(np.full, megabytes * 125_000, 1.0) == pytest.approx(megabytes / 1e3, abs=0.03)


def test_a_function_that_fails_says_so_in_one_line() -> None:
    with pytest.raises(FsrvosError, match=r"json\.loads failed: json\.decoder\.JSONDecodeError"):
        peak_gb(json.loads, "{")
