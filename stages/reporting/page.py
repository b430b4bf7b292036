"""The report's sections as HTML. All text that comes from files is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from stages.reporting.charts import Bar, Line, bar_chart, line_chart
from stages.reporting.commands import commands, versions
from stages.reporting.pictures import PREDICTION_CSS, TRUTH_CSS, Sample
from stages.reporting.run import Run
from stages.scoring.controls import REQUIREMENTS, Requirement

COLUMNS = 5
"""Pictures side by side in a sample."""

Interval = tuple[float, float]


def page(title: str, sections: Iterable[str]) -> str:
    """The whole document."""
    template = (
        files("stages.reporting").joinpath("templates/report.html").read_text(encoding="utf-8")
    )
    return Template(template).substitute(
        title=escape(title), body="\n".join(sections), columns=COLUMNS
    )


def comparison(runs: Sequence[Run]) -> str:
    """One row a run; only worth showing with two or more."""
    rows = []
    for run in runs:
        score = run.score
        about = [run.name, run.dataset, str(run.fold or "?")]
        if score is None:
            rows.append([*about, "", "not scored", "", "", ""])
            continue
        figures = [f"{score[name]:.1f}" for name in ("JF", "J", "F")]
        rows.append([*about, score["protocol"], figures[0], _half(score), *figures[1:]])
    head = ["run", "dataset", "fold", "protocol", "J&F", "95 %", "J", "F"]
    return table(head, rows, left=(0, 1, 3))


def headline(run: Run) -> str:
    """J&F large, with its interval, J and F beside it."""
    score = run.score
    if score is None:
        return ""
    expressions = score.get("n")
    seeds = len(score["seeds"])
    over = f"mean of {seeds} seeds of support videos" if seeds > 1 else "one seed, so no interval"
    tested = f" on {expressions} expressions" if expressions else ""
    large = f"{score['JF']:.1f} <span>{_half(score)}</span>"
    figures = [
        ("figure first", large, "J&amp;F, percent"),
        ("figure", f"{score['J']:.1f}", "region J"),
        ("figure", f"{score['F']:.1f}", "contour F"),
    ]
    shown = "".join(
        f'<div class="{style}"><b>{value}</b><small>{label}</small></div>'
        for style, value, label in figures
    )
    protocol = escape(str(score["protocol"]))
    return (
        f'<div class="headline">{shown}</div><p class="soft">Protocol {protocol}; {over}{tested}; '
        "± is the 95 % interval over seeds.</p>"
    )


def categories(run: Run) -> str:
    """A bar chart of the unseen categories, best first."""
    if run.score is None:
        return ""
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
    return f"<h3>By category</h3>{bar_chart(bars, ('region J', 'contour F'))}"


def controls(run: Run) -> str:
    """What the model loses when one thing is taken away."""
    found: Mapping[str, Mapping[str, Any]] = run.score["controls"] if run.score else {}
    if not found:
        return ""
    rows, styles = [], []
    for name, control in found.items():
        rule = REQUIREMENTS.get(name)
        label = rule.label if rule else name
        lost = _lost(rule, control)
        passed = bool(control.get("passed"))
        rows.append(
            [
                label,
                f"{control['J']:.1f}",
                f"{control['JF']:.1f}",
                f"{control.get('model_J', float('nan')):.1f}",
                f"{control.get('model_JF', float('nan')):.1f}",
                lost,
                str(control.get("required", "")),
                "met" if passed else "not met",
                str(control.get("n", "")),
            ]
        )
        styles.append("good" if passed else "bad")
    head = ["control", "J", "J&F", "model J", "model J&F", "lost", "must", "", "expressions"]
    return (
        "<h3>Controls</h3><p class='soft'>The same model and the same episodes with one thing "
        "taken away. A model that uses its support and its sentence must lose.</p>"
        + table(head, rows, left=(0, 6, 7), styles={(r, 7): s for r, s in enumerate(styles)})
    )


def training(run: Run) -> str:
    """Loss and held-back J over steps."""
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
    ]
    shown = "".join(f"<div><h3>{escape(name)}</h3>{chart}</div>" for name, chart in charts if chart)
    if not shown:
        return ""
    return f'<div class="pair">{shown}</div>{_pace(run)}'


def samples(found: Sequence[Sample], problem: str) -> str:
    """Episodes at fixed quantiles of J; or why there are none."""
    if problem:
        return f"<h3>Sample episodes</h3>{note(problem)}"
    if not found:
        return ""
    legend = (
        '<ul class="legend">'
        f'<li><i class="square" style="background:{PREDICTION_CSS}"></i>prediction</li>'
        f'<li><i class="ring" style="border-color:{TRUTH_CSS}"></i>truth, and the mask of the '
        "support</li></ul>"
    )
    return f"<h3>Sample episodes, by J</h3>{legend}{''.join(map(_sample, found))}"


def details(run: Run) -> str:
    """Configuration, versions and the commands that make it again."""
    parts = ["<h3>To make it again</h3>", f"<pre>{escape(commands(run))}</pre>"]
    found = versions(run)
    if found:
        rows = [[name, value] for name, value in found.items()]
        parts.append(
            f"<details><summary>Versions</summary>{table(['', ''], rows, left=(0, 1))}</details>"
        )
    if run.config:
        parts.append(
            f"<details><summary>Configuration</summary><pre>{escape(run.config)}</pre></details>"
        )
    return "".join(parts)


def heading(level: str, text: str) -> str:
    """A heading; ``level`` is h1 or h2."""
    return f"<{level}>{escape(text)}</{level}>"


def lead(text: str) -> str:
    """The line below a heading."""
    return f'<p class="lead">{escape(text)}</p>'


def note(text: str) -> str:
    """A line about something missing."""
    return f'<p class="note">{escape(text)}</p>'


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[int],
    styles: Mapping[tuple[int, int], str] | None = None,
) -> str:
    """Columns in ``left`` flush left, the others right; ``styles`` by row and column."""

    def cell(tag: str, column: int, text: str, style: str = "") -> str:
        names = " ".join(filter(None, ["" if column in left else "n", style]))
        return f"<{tag}{f' class={names!r}' if names else ''}>{escape(text)}</{tag}>"

    top = "".join(cell("th", column, text) for column, text in enumerate(head))
    header = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    body = "".join(
        "<tr>"
        + "".join(
            cell("td", column, text, (styles or {}).get((number, column), ""))
            for column, text in enumerate(row)
        )
        + "</tr>"
        for number, row in enumerate(rows)
    )
    return f'<div class="scroll"><table>{header}<tbody>{body}</tbody></table></div>'


def _lost(rule: Requirement | None, control: Mapping[str, Any]) -> str:
    """What the control lost of the figure that its rule is about; nothing where it has no such."""
    if rule is None or rule.rule != "lose":
        return ""
    return f"{control[f'drop_{rule.figure}']:.1f} {'J&F' if rule.figure == 'JF' else 'J'}"


def _sample(sample: Sample) -> str:
    info = sample.info
    figures = "".join(_figure(picture, name, f"J {j:.0f}") for picture, name, j in sample.frames)
    support = "".join(
        _figure(picture, f"support, video {info.support_video}" if index == 0 else "", "")
        for index, picture in enumerate(sample.support)
    )
    strip = f'<div class="strip">{support}</div>' if support else ""
    about = f"{info.category}, video {info.video}"
    return (
        f'<section class="sample"><header><b>{escape(sample.rank.capitalize())}</b>'
        f"<span>J {sample.j:.1f}, F {sample.f:.1f}</span><q>{escape(info.text)}</q>"
        f'<span class="soft">{escape(about)}</span></header>'
        f'{strip}<div class="strip">{figures}</div></section>'
    )


def _figure(picture: str, left: str, right: str) -> str:
    return (
        f'<figure><img src="{picture}" alt=""><figcaption><span>{escape(left)}</span>'
        f"<span>{escape(right)}</span></figcaption></figure>"
    )


def _pace(run: Run) -> str:
    """Median steps a second and share of time spent waiting for data."""
    pace, waits = run.series("steps_per_second"), run.series("wait_share")
    words = []
    if pace:
        words.append(f"{_median(pace):.2f} steps a second")
    if waits:
        words.append(f"{100 * _median(waits):.1f} % of the time spent waiting for data")
    return f'<p class="soft">{escape(", ".join(words))} (medians).</p>' if words else ""


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
