"""scores.json: how sure the network is, frame by frame, and what made the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cache.whole import replace_text
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.result import Result

DIGITS = 4
MICROSECONDS = 6


class Scores(Result):
    """The scores of all frames, written in the end with `facts()` before and `made` after them.

    facts: what is known once all frames are there, as JSON carries it. made: the provenance.
    """

    def __init__(
        self, path: Path, facts: Callable[[], Mapping[str, Any]], made: Mapping[str, Any]
    ) -> None:
        self.path, self.facts, self.made = path, facts, made
        self.rows = list[dict[str, Any]]()
        self.presences = list[float]()
        self.marked = 0

    def add(self, answer: FrameAnswer) -> None:
        """Keep the frame's figures."""
        self.presences.append(answer.presence)
        row = {"frame": answer.name, "seconds": round(float(answer.at), MICROSECONDS)}
        row["score"] = round(answer.presence, DIGITS)
        self.rows.append(row | {"present": answer.present})
        self.marked += answer.marked

    def close(self) -> None:
        """Write the file."""
        written = {
            **self.facts(),
            "score": round(self.score, DIGITS),
            "presence": round(self.presence, DIGITS),
            "present": self.present,
            "marked": self.marked,
            "frames": self.rows,
            "provenance": self.made,
        }
        replace_text(self.path, json.dumps(written, indent=1) + "\n")

    @property
    def frames(self) -> int:
        """How many there were."""
        return len(self.rows)

    @property
    def score(self) -> float:
        """Mean over the frames, in [0, 1]."""
        return float(np.mean(self.presences))

    @property
    def presence(self) -> float:
        """That the video shows the object: that of the frame that shows it most, in [0, 1]."""
        return max(self.presences)

    @property
    def present(self) -> bool:
        """Whether any frame shows it, by the threshold."""
        return any(row["present"] for row in self.rows)
