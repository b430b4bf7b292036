"""Worst error of every recorded tensor, by case. `python -m tests.golden.table` prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import torch
from torch import Tensor

CLOSE = 1e-4
CLOSE_AFFINITY = 3e-5  # tight enough to notice a wrong epsilon in the text projection's norm


def allowed(name: str) -> float:
    """Largest absolute difference from the recorded tensor that passes."""
    return CLOSE_AFFINITY if name.startswith("cma.") else CLOSE


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference; infinite for another shape or a value that is not a number."""
    if found.shape != expected.shape:
        return float("inf")
    error = float((found.double() - expected.double()).abs().max())
    return error if error == error else float("inf")


def lines(errors: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line a kind of tensor (levels and layers together), one column a case."""
    families: dict[str, dict[str, float]] = {}
    for case, by_tensor in errors.items():
        for name, error in by_tensor.items():
            row = families.setdefault(re.sub(r"\.\d+(?=\.|$)", ".*", name), {})
            row[case] = max(error, row.get(case, 0.0))
    width = max(len(name) for name in families)
    columns = {case: max(len(case), 9) for case in errors}
    head = " ".join(f"{case:>{size}}" for case, size in columns.items())
    body = [
        f"{name:<{width}} "
        + " ".join(
            f"{row[case]:>{size}.1e}" if case in row else " " * (size - 1) + "-"
            for case, size in columns.items()
        )
        for name, row in families.items()
    ]
    return [f"{'tensor':<{width}} {head}", *body]


def main() -> None:
    from tests.golden.cases import cases
    from tests.golden.end_to_end import pixel_cases
    from tests.golden.test_network import case_errors

    torch.set_num_threads(1)
    errors = {str(case): case_errors(case) for case in cases()}
    errors |= {str(case): case.errors() for case in pixel_cases()}
    sys.stdout.write("\n".join(lines(errors)) + "\n")


if __name__ == "__main__":
    main()
