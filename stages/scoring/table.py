"""Tables of a score, as plain text and as Markdown: categories, controls."""

from __future__ import annotations

from collections.abc import Sequence

from stages.scoring.aggregate import Figures, half_width
from stages.scoring.controls import Control


def align(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Columns padded to their widest cell; those numbered in ``left`` flush left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def figure_rows(name: str, figures: Figures) -> list[str]:
    """Name, J, F, J&F with half its interval, number of expressions."""
    return [
        name,
        f"{figures.J:.1f}",
        f"{figures.F:.1f}",
        f"{figures.JF:.1f}",
        plus_minus(figures),
        str(figures.n),
    ]


def plus_minus(figures: Figures) -> str:
    """Half the 95 % interval of J&F as "± 1.3"; empty with one seed."""
    half = half_width(figures)
    return "" if half is None else f"± {half:.1f}"


def category_rows(overall: Figures, per_category: dict[str, Figures]) -> list[list[str]]:
    """Column names, the headline row and one a category."""
    rows = [["", "J", "F", "J&F", "95 %", "expressions"], figure_rows("all", overall)]
    return rows + [figure_rows(name, figures) for name, figures in per_category.items()]


def category_table(overall: Figures, per_category: dict[str, Figures]) -> list[str]:
    """`category_rows` as lines, the headline between rules."""
    lines = align(category_rows(overall, per_category))
    rule = "-" * max(len(line) for line in lines)
    return [lines[0], rule, lines[1], rule, *lines[2:]]


def control_rows(controls: dict[str, Control]) -> list[list[str]]:
    """Column names, and one row a control: what it scored, what the model scores there, what was
    required."""
    head = [
        "control",
        "J",
        "F",
        "J&F",
        "model J",
        "model J&F",
        "lost",
        "required",
        "",
        "expressions",
    ]
    return [head, *(_control_row(control) for control in controls.values())]


def control_table(controls: dict[str, Control]) -> list[str]:
    """`control_rows` as lines."""
    lines = align(control_rows(controls), left=(0, 7, 8))
    return [lines[0], "-" * max(len(line) for line in lines), *lines[1:]]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of which names the columns, as a Markdown table."""
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = [":--", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


def _control_row(control: Control) -> list[str]:
    rule, figures, model = control.requirement, control.control, control.model
    name = "J&F" if rule.figure == "JF" else "J"
    return [
        rule.label,
        f"{figures.J:.1f}",
        f"{figures.F:.1f}",
        f"{figures.JF:.1f}",
        f"{model.J:.1f}",
        f"{model.JF:.1f}",
        f"{control.drop(rule.figure):.1f} {name}" if rule.rule == "lose" else "",
        str(rule),
        "met" if control.passed else "NOT MET",
        str(figures.n),
    ]
