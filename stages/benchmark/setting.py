"""What every section of the benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """Where and how often to measure.

    work: an empty folder for whatever the sections make; it is removed afterwards.
    notes: what a reader of the figures must know (random weights, a size that was left out).
    """

    device: str
    rounds: int
    threads: int
    work: Path
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something beside the figures, once."""
        if text not in self.notes:
            self.notes.append(text)
