"""metrics.jsonl: a line a look at the training, and the same for TensorBoard where installed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

from cache.whole import replace_text
from stages.model.prediction import Losses
from stages.runs.folder import RunFolder


class Journal:
    """Means between looks. Lines after `first`, of an interrupted run, are dropped on opening."""

    def __init__(self, run: Path, first: int) -> None:
        folder = RunFolder(run)
        self.path = folder.metrics
        replace_text(self.path, "".join(_lines_until(self.path, first)))
        self.sums: dict[str, float] = defaultdict(float)
        self.steps, self.since = 0, time.perf_counter()
        self.board = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder.events))

    def count(self, losses: Losses) -> None:
        """One step's terms."""
        self.steps += 1
        self.sums["loss"] += float(losses.total.detach())
        for name, value in losses.terms.items():
            self.sums[name] += float(value.detach())

    def log(self, step: int, learning_rate: float, wait_share: float) -> None:
        """Write the means since the last look."""
        now = time.perf_counter()
        means = {name: value / max(self.steps, 1) for name, value in self.sums.items()}
        speed = self.steps / max(now - self.since, 1e-9)
        self.note(step, **means, lr=learning_rate, steps_per_second=speed, wait_share=wait_share)
        self.sums.clear()
        self.steps, self.since = 0, now

    def note(self, step: int, **values: float) -> None:
        """Write one line."""
        line = {"step": step, **{name: round(value, 6) for name, value in values.items()}}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the event file."""
        if self.board is not None:
            self.board.close()


def _lines_until(path: Path, step: int) -> list[str]:
    if step == 0 or not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
