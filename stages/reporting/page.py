"""What the report's page shows, run by run; templates/report.html says where and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from stages.reporting.charts import Bar, Line, bar_chart, line_chart
from stages.reporting.commands import commands, versions
from stages.reporting.pictures import PREDICTION_CSS, TRUTH_CSS, Sample
from stages.reporting.reliability import reliability_chart
from stages.reporting.rendering import render
from stages.reporting.run import Run
from stages.reporting.shots import shots_chart
from stages.scoring.controls import REQUIREMENTS, Requirement

COLUMNS = 5
"""Pictures side by side in a sample."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class TableRow:
    """Cells of a row, and the class of the one that the table styles."""

    cells: Sequence[str]
    style: str = ""


@dataclass(frozen=True)
class Table:
    """Columns in ``left`` flush left, the others right; ``styled`` is the column with a class."""

    head: Sequence[str]
    rows: Sequence[TableRow]
    left: Sequence[int]
    styled: int = -1


@dataclass(frozen=True)
class RunSection:
    """What is shown of one run; what it has not is None or empty."""

    name: str
    lead: str
    notes: Sequence[str]
    headline: Mapping[str, str] | None
    categories: Markup
    controls: Table | None
    curves: Sequence[tuple[str, Markup]]
    pace: str
    samples: Sequence[Sample]
    no_samples: str
    commands: str
    versions: Table
    config: str


def page(heading: str, sections: Sequence[RunSection], comparison: Table | None) -> str:
    """The whole document. ``comparison`` stands above the runs where there are several."""
    return render(
        "report.html",
        title=f"fsrvos: {heading}",
        heading=heading,
        comparison=comparison,
        runs=sections,
        columns=COLUMNS,
        prediction_colour=PREDICTION_CSS,
        truth_colour=TRUTH_CSS,
    )


def section(run: Run, samples: Sequence[Sample], no_samples: str) -> RunSection:
    """Everything about a run; ``no_samples`` says why there are no samples."""
    fold = f", fold {run.fold}" if run.fold else ""
    rows = [TableRow(item) for item in versions(run).items()]
    return RunSection(
        name=run.name,
        lead=f"Dataset {run.dataset}{fold}: categories that were not trained on, each shown by a "
        "few annotated frames of another video.",
        notes=run.notes,
        headline=headline(run),
        categories=categories(run),
        controls=controls(run),
        curves=curves(run),
        pace=pace(run),
        samples=samples,
        no_samples=no_samples,
        commands=commands(run),
        versions=Table((), rows, left=(0, 1)),
        config=run.config,
    )


def comparison(runs: Sequence[Run]) -> Table:
    """One row a run; only worth showing with two or more."""
    rows = []
    for run in runs:
        score = run.score
        about = [run.name, run.dataset, str(run.fold or "?")]
        if score is None:
            rows.append(TableRow([*about, "", "not scored", "", "", ""]))
            continue
        figures = [f"{score[name]:.1f}" for name in ("JF", "J", "F")]
        rows.append(TableRow([*about, score["protocol"], figures[0], _half(score), *figures[1:]]))
    head = ["run", "dataset", "fold", "protocol", "J&F", "95 %", "J", "F"]
    return Table(head, rows, left=(0, 1, 3))


def headline(run: Run) -> dict[str, str] | None:
    """J&F with its interval, J and F, and over what they are means."""
    score = run.score
    if score is None:
        return None
    expressions = score.get("n")
    seeds = len(score["seeds"])
    over = f"mean of {seeds} seeds of support videos" if seeds > 1 else "one seed, so no interval"
    tested = f" on {expressions} expressions" if expressions else ""
    digests = [str(digest)[:12] for digest in score.get("manifest") or ()]
    tested += f"; episodes {', '.join(digests)}" if digests else ""
    return {
        **{name: f"{score[name]:.1f}" for name in ("JF", "J", "F")},
        "half": _half(score),
        "protocol": str(score["protocol"]),
        "over": over + tested,
    }


def categories(run: Run) -> Markup:
    """A bar chart of the unseen categories, best first."""
    if run.score is None:
        return Markup("")
    found: Mapping[str, Mapping[str, Any]] = run.score["per_category"]
    bars = [
        Bar(
            name,
            (figures["J"], figures["F"]),
            (_interval(figures, "J"), _interval(figures, "F")),
            f"{figures['JF']:.1f} J&F, n {figures.get('n', '?')}",
        )
        for name, figures in sorted(found.items(), key=lambda item: -item[1]["JF"])
    ]
    return bar_chart(bars, ("region J", "contour F"))


def controls(run: Run) -> Table | None:
    """What the model loses when one thing is taken away."""
    found: Mapping[str, Mapping[str, Any]] = run.score["controls"] if run.score else {}
    if not found:
        return None
    rows = []
    for name, control in found.items():
        rule = REQUIREMENTS.get(name)
        passed = bool(control.get("passed"))
        cells = [
            rule.label if rule else name,
            f"{control['J']:.1f}",
            f"{control['JF']:.1f}",
            f"{control.get('model_J', float('nan')):.1f}",
            f"{control.get('model_JF', float('nan')):.1f}",
            _lost(rule, control),
            str(control.get("required", "")),
            "met" if passed else "not met",
            str(control.get("n", "")),
        ]
        rows.append(TableRow(cells, "good" if passed else "bad"))
    head = ["control", "J", "J&F", "model J", "model J&F", "lost", "must", "", "expressions"]
    return Table(head, rows, left=(0, 6, 7), styled=7)


def curves(run: Run) -> list[tuple[str, Markup]]:
    """Loss and held-back J over steps, J&F over support frames, where there are any."""
    terms = [name for name in run.fields("loss") if name != "loss"]
    losses = [Line("total", run.series("loss"), strong=True)]
    losses += [Line(name.removeprefix("loss_"), run.series(name)) for name in terms]
    held = run.series("holdout_J")
    if held and max(y for _, y in held) <= 1:  # a share, where the page speaks in percent
        held = [(x, 100 * y) for x, y in held]
    charts = [
        ("Loss", line_chart(losses, "step", "loss")),
        (
            "J on held-back training videos, percent",
            line_chart([Line("held-back J", held, strong=True, dots=True)], "step", "J"),
        ),
        ("J&F over support frames, percent", shots_chart(run)),
        ("Presence: how often it was there, by the probability said", reliability_chart(run)),
    ]
    return [(name, chart) for name, chart in charts if chart]


def pace(run: Run) -> str:
    """Median steps a second and share of time spent waiting for data."""
    steps, waits = run.series("steps_per_second"), run.series("wait_share")
    words = []
    if steps:
        words.append(f"{_median(steps):.2f} steps a second")
    if waits:
        words.append(f"{100 * _median(waits):.1f} % of the time spent waiting for data")
    return ", ".join(words)


def _lost(rule: Requirement | None, control: Mapping[str, Any]) -> str:
    """What the control lost of the figure that its rule is about; nothing where it has no such."""
    if rule is None or rule.rule != "lose":
        return ""
    return f"{control[f'drop_{rule.figure}']:.1f} {'J&F' if rule.figure == 'JF' else 'J'}"


def _median(points: Sequence[tuple[float, float]]) -> float:
    values = sorted(value for _, value in points)
    return values[len(values) // 2]


def _half(figures: Mapping[str, Any]) -> str:
    interval = _interval(figures, "JF")
    return "" if interval is None else f"± {(interval[1] - interval[0]) / 2:.1f}"


def _interval(figures: Mapping[str, Any], name: str) -> Interval | None:
    found = figures.get("interval")
    if not isinstance(found, dict) or name not in found:
        return None
    low, high = found[name]
    return float(low), float(high)
