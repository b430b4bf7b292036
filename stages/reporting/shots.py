"""What more annotated frames give: a run's evaluations side by side, by their shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from stages.reporting.charts import Line, line_chart
from stages.reporting.run import Run, load_run
from stages.runs.folder import RunFolder
from stages.runtime.provenance import recorded
from stages.scoring.table import align

_SETTING = ("predictions", "provenance", "settings", "evaluate", "support_frames")


@dataclass(frozen=True)
class Shots:
    """A run's scores with K support frames, of one dataset, fold and protocol.

    ``scores`` holds the newest score of each K, rising; ``half`` half of its interval of J&F.
    """

    run: str
    dataset: str
    fold: int | None
    protocol: str
    scores: dict[int, dict[str, float]]
    half: dict[int, float]

    @property
    def label(self) -> str:
        """What tells this row from the others."""
        return f"{self.run}: {self.dataset}, fold {self.fold or '?'}, protocol {self.protocol}"


@dataclass(frozen=True)
class ShotsTable:
    """A row a run, a column a number of support frames."""

    rows: tuple[Shots, ...]
    notes: tuple[str, ...]

    def table(self) -> str:
        """Plain text: J&F with half its 95 % interval."""
        columns = sorted({shots for row in self.rows for shots in row.scores})
        head = ["J&F by support frames", *map(str, columns)]
        lines = align([head, *([row.label, *_cells(row, columns)] for row in self.rows)])
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], *self.notes])

    def to_json(self) -> dict[str, Any]:
        """Plain values for --json."""
        rows = [
            {**vars(row), "scores": {str(k): v for k, v in row.scores.items()}} for row in self.rows
        ]
        return {"rows": rows, "notes": list(self.notes)}


def shots_of(run: Run) -> int | None:
    """Support frames of the run's evaluation; None where it does not say."""
    found = recorded(run.score, "predictions", "shots") or recorded(run.score, *_SETTING)
    return found if isinstance(found, int) else None


def rows_of(run: Run) -> list[Shots]:
    """One row for each dataset, fold and protocol that the run was evaluated on."""
    found: dict[tuple[str, int | None, str], dict[int, Run]] = {}
    for evaluation in RunFolder(run.folder).evaluations():  # the newest first
        loaded = load_run(evaluation.path)
        shots = shots_of(loaded)
        if loaded.score is not None and shots is not None:
            key = (loaded.dataset, loaded.fold, str(loaded.score["protocol"]))
            found.setdefault(key, {}).setdefault(shots, loaded)
    rows = []
    for (dataset, fold, protocol), by_shots in found.items():
        scores = {shots: by_shots[shots].score or {} for shots in sorted(by_shots)}
        figures = {
            k: {name: float(s[name]) for name in ("J", "F", "JF")} for k, s in scores.items()
        }
        halves = {k: _half(s) for k, s in scores.items()}
        known = {k: half for k, half in halves.items() if half is not None}
        rows.append(Shots(run.name, dataset, fold, protocol, figures, known))
    return rows


def shots_table(runs: Sequence[Run]) -> ShotsTable:
    """Every run's rows; a note for each that was evaluated with one number of frames or none."""
    rows = [row for run in runs for row in rows_of(run)]
    notes = [
        f"{run.name} was not evaluated with several numbers of support frames: "
        f"fsrvos evaluate --run {run.folder} --shots K"
        for run in runs
        if all(len(row.scores) < 2 for row in rows_of(run))
    ]
    return ShotsTable(tuple(rows), tuple(notes))


def shots_chart(run: Run) -> Markup:
    """J&F over support frames, a line a dataset, fold and protocol; empty without two points."""
    lines = [
        Line(
            f"{row.dataset}, fold {row.fold or '?'}, {row.protocol}",
            [(float(shots), figures["JF"]) for shots, figures in row.scores.items()],
            strong=True,
            dots=True,
        )
        for row in rows_of(run)
        if len(row.scores) > 1
    ]
    return line_chart(lines, "support frames", "J&F")


def _cells(row: Shots, columns: Sequence[int]) -> list[str]:
    cells = []
    for shots in columns:
        figures = row.scores.get(shots)
        half = f" ± {row.half[shots]:.1f}" if shots in row.half else ""
        cells.append("–" if figures is None else f"{figures['JF']:.1f}{half}")
    return cells


def _half(score: dict[str, Any] | Any) -> float | None:
    ends = recorded(score, "interval", "JF")
    return (float(ends[1]) - float(ends[0])) / 2 if isinstance(ends, list) else None
