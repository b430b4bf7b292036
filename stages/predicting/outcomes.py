"""Many requests: what became of each, and the file that says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cache.whole import replace_text
from configs.errors import FsrvosError, PartialError, UsageError
from stages.predicting.report import PredictReport
from stages.predicting.requests import Request

SUMMARY = "summary.json"
_KEY = "predictions"

State = Literal["done", "finished before", "failed"]


@dataclass(frozen=True)
class Task:
    """A request, the folder that its results go to, and the command that makes them alone."""

    request: Request
    out: Path
    command: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        state: done, finished before, or failed.
        problem: why it failed, or how much of the video could not be read; None for neither.
        exit_code: of that problem, 0 for none.
        frames, marked, score, present: as in `PredictReport`; None where it failed.
    """

    video: str
    expression: str
    support: str
    out: str
    state: State
    problem: str | None = None
    exit_code: int = 0
    frames: int | None = None
    marked: int | None = None
    score: float | None = None
    present: bool | None = None

    @property
    def head(self) -> str:
        """What became of which, for people."""
        return f"{self.state:<16}{self.video}: {self.expression!r}"

    def line(self) -> str:
        """The same, and what was found or why not."""
        head = self.head
        if self.state == "failed":
            return f"{head}: {self.problem}"
        short = f" ({self.problem})" if self.problem else ""
        score = 0.0 if self.score is None else self.score
        nothing = ", not in this video" if self.present is False else ""
        found = f"marked in {self.marked} of {self.frames} frames{nothing}, score {score:.2f}"
        return f"{head}: {found}{short}; {self.out}"


@dataclass(frozen=True)
class BatchReport:
    """All outcomes, in the order in which they were asked, and the file that holds them."""

    outcomes: tuple[Outcome, ...]
    summary: str

    def table(self) -> str:
        """A line a request, then how many of which."""
        lines = [outcome.line() for outcome in self.outcomes]
        return "\n".join([*lines, f"{self.counts()}; summary {self.summary}"])

    def counts(self) -> str:
        """How many are done, were finished before, or failed."""
        states = Counter(outcome.state for outcome in self.outcomes)
        return ", ".join(f"{number} {state}" for state, number in states.items())

    @property
    def problems(self) -> list[Outcome]:
        """Those that failed or were cut short."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    def to_json(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {_KEY: [asdict(outcome) for outcome in self.outcomes], "summary": self.summary}


def done(task: Task, report: PredictReport) -> Outcome:
    """The outcome of a video that was predicted."""
    return replace(
        _begun(task),
        state="done",
        problem=report.shortfall,
        exit_code=_code(report.shortfall),
        frames=report.frames,
        marked=report.marked,
        score=round(report.score, 4),
        present=report.present,
    )


def finished_before(task: Task, scores: Mapping[str, Any]) -> Outcome:
    """The outcome of one whose results lie there; `scores` is what they say of themselves."""
    return replace(
        _begun(task),
        state="finished before",
        problem=scores["shortfall"],
        exit_code=_code(scores["shortfall"]),
        frames=len(scores["frames"]),
        marked=scores["marked"],
        score=scores["score"],
        present=scores["present"],
    )


def failed(task: Task, error: BaseException) -> Outcome:
    """The outcome of one that could not be predicted."""
    code, said = 1, f"unexpected {type(error).__name__}: {error}"
    if isinstance(error, FsrvosError):
        code, said = error.exit_code, str(error)
    return replace(_begun(task), problem=" ".join(said.split()), exit_code=code)


def _begun(task: Task) -> Outcome:
    asked = task.request
    video, support = str(asked.video), str(asked.support)
    return Outcome(video, asked.expression, support, str(task.out), state="failed")


def _code(shortfall: str | None) -> int:
    return PartialError.exit_code if shortfall else 0


def write_summary(home: Path, outcomes: Sequence[Outcome], command: str) -> BatchReport:
    """Write summary.json into `home`. Raises FsrvosError."""
    report = BatchReport(tuple(outcomes), str(home / SUMMARY))
    stated = {**report.to_json(), "command": command}
    replace_text(home / SUMMARY, json.dumps(stated, indent=1, ensure_ascii=False) + "\n")
    return report


def require_home(home: Path) -> None:
    """UsageError where a summary in `home` would replace what is no summary."""
    if home.exists() and not home.is_dir():
        raise UsageError(f"{home} is a file; name a folder")
    path = home / SUMMARY
    if not path.exists():
        return
    try:
        ours = _KEY in json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        ours = False
    if not ours:
        raise UsageError(f"{path} is no summary of predictions; name another folder with --out")
