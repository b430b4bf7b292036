"""Runs that come with the program, by the name they answer to wherever a run is named.

    shipped      the trained head of docs/model-card.md
    similarity   what the frozen features say without any training

Each is a run folder like those that training writes, and is only read.
"""

from __future__ import annotations

from pathlib import Path

PACKAGED = ("shipped", "similarity")


def packaged_run(name: str) -> Path:
    """The folder of a packaged run. Raises KeyError for another name."""
    if name not in PACKAGED:
        raise KeyError(name)
    return Path(__file__).parent / name


def is_packaged(run: Path) -> bool:
    """Whether a run folder is one of the program's own, which nothing may be written to."""
    return run.resolve().parent == Path(__file__).parent.resolve()
