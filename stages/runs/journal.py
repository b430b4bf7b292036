"""metrics.jsonl: a line a look at the training, and the same for TensorBoard where installed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cache.whole import replace_text, writing
from stages.model.prediction import Losses
from stages.runs.folder import RunFolder


class Journal:
    """Means between looks."""

    def __init__(self, run: Path, first: int, saved: Mapping[str, Any] | None = None) -> None:
        """first: steps done before; saved: what `state` gave then.

        Lines that an interrupted run wrote later are dropped.
        """
        folder, saved = RunFolder(run), saved or {}
        self.path = folder.metrics
        replace_text(self.path, _text_until(self.path, first, saved.get("bytes")))
        self.sums: dict[str, float] = defaultdict(float, saved.get("sums", {}))
        self.steps, self.timed = int(saved.get("steps", 0)), 0
        self.since = time.perf_counter()
        self.board = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder.events), purge_step=first + 1 if first else None)

    def count(self, losses: Losses, **measured: float) -> None:
        """One step's terms, and what else is to be told as a mean over steps."""
        self.steps, self.timed = self.steps + 1, self.timed + 1
        for name, figure in measured.items():
            self.sums[name] += figure
        self.sums["loss"] += float(losses.total.detach())
        for name, value in losses.terms.items():
            self.sums[name] += float(value.detach())

    def log(self, step: int, learning_rate: float, wait_share: float) -> None:
        """Write the means since the last look."""
        now = time.perf_counter()
        means = {name: value / max(self.steps, 1) for name, value in self.sums.items()}
        speed = self.timed / max(now - self.since, 1e-9)
        self.note(step, **means, lr=learning_rate, steps_per_second=speed, wait_share=wait_share)
        self.sums.clear()
        self.steps, self.timed, self.since = 0, 0, now

    def note(self, step: int, **values: float) -> None:
        """Write one line."""
        line = {"step": step, **{name: round(value, 6) for name, value in values.items()}}
        with writing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)

    def state(self) -> dict[str, Any]:
        """What an interrupted training goes on with: the lines so far, and the next line's sums."""
        size = self.path.stat().st_size
        return {"bytes": size, "sums": dict(self.sums), "steps": self.steps}

    def close(self) -> None:
        """Close the event file."""
        if self.board is not None:
            self.board.close()


def _text_until(path: Path, step: int, size: int | None) -> str:
    """What was written when a step's checkpoint was: `size` bytes, else what whole lines say."""
    if step == 0 or not path.is_file():
        return ""
    content = path.read_bytes()
    if size is not None and content[:size][-1:] in (b"", b"\n") and len(content) >= size:
        return content[:size].decode("utf-8")
    lines = content.decode("utf-8").splitlines(keepends=True)
    whole = (line for line in lines if line.endswith("\n"))
    return "".join(line for line in whole if json.loads(line)["step"] <= step)
