"""Collects the worst error of each recorded tensor and prints the table after the run."""

from __future__ import annotations

import pytest

from tests.golden.table import lines

_WORST: dict[str, dict[str, float]] = {}


@pytest.fixture(scope="session")
def worst_errors() -> dict[str, dict[str, float]]:
    """Case to tensor to largest absolute difference; tests add theirs."""
    return _WORST


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _WORST:
        terminalreporter.section("worst error by recorded tensor")
        for line in lines(_WORST):
            terminalreporter.write_line(line)
