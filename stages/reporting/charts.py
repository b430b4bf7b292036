"""Line and bar charts as inline SVG, drawn here so that the page needs nothing from elsewhere.

Colours and type come from the page's style sheet through classes; sizes are in user units, which
are CSS pixels at full width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from stages.reporting.run import Point

LINE_COLOURS = ("#1f5a7a", "#b4532a", "#3f7d4e", "#8a6d1d", "#7a4a86", "#5b6670", "#a23b5c")


@dataclass(frozen=True)
class Line:
    """One curve: its points in order of x. ``strong`` ones are drawn heavier."""

    label: str
    points: Sequence[Point]
    strong: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Bar:
    """A row of the bar chart: percent values and the 95 % interval of each, where known."""

    label: str
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float] | None, ...]
    note: str


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers that cover [low, high], about ``wanted`` of them."""
    span = high - low or abs(high) or 1.0
    raw = span / max(wanted - 1, 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(f * magnitude for f in (1, 2, 2.5, 5, 10) if f * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def line_chart(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    size: tuple[int, int] = (520, 260),
    floor: float | None = 0.0,
) -> str:
    """Curves over a common axis, with a legend above. Empty string without any point."""
    lines = [line for line in lines if line.points]
    if not lines:
        return ""
    width, height = size
    left, right, top, bottom = 46, width - 26, 14, height - 40
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    x_ticks = ticks(0, max(xs) or 1.0, 6)
    y_ticks = ticks(min(ys) if floor is None else min(floor, *ys), max(ys))

    def at(x: float, y: float) -> Point:
        x_share = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        y_share = (y - y_ticks[0]) / ((y_ticks[-1] - y_ticks[0]) or 1.0)
        return left + x_share * (right - left), bottom - y_share * (bottom - top)

    parts = [_svg_open(width, height, f"{y_label} over {x_label}")]
    for value in y_ticks:
        _, y = at(0, value)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, _number(value), "end"))
    for value in x_ticks:
        x, _ = at(value, y_ticks[0])
        parts.append(_text(x, bottom + 18, _number(value), "middle"))
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(_text(right, height - 4, x_label, "end", "label"))
    for index, line in enumerate(lines):
        parts.append(_curve(line, LINE_COLOURS[index % len(LINE_COLOURS)], at))
    legend = _legend([line.label for line in lines]) if len(lines) > 1 else ""
    return "".join([legend, *parts, "</svg>"])


def bar_chart(bars: Sequence[Bar], names: Sequence[str], width: int = 620) -> str:
    """Horizontal bars in percent, several to a row, with whiskers for the intervals."""
    if not bars:
        return ""
    thick, gap, row_gap = 9, 3, 14
    row = len(names) * (thick + gap) - gap + row_gap
    top, left, right = 6, 14 + 7 * max(len(bar.label) for bar in bars), width - 150
    bottom = top + row * len(bars)
    height = bottom + 24

    def at(percent: float) -> float:
        return left + min(max(percent, 0.0), 100.0) / 100 * (right - left)

    parts = [_svg_open(width, height, "scores by category in percent")]
    for percent in range(0, 101, 20):
        x = at(percent)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 16, str(percent), "middle"))
    for index, bar in enumerate(bars):
        start = top + index * row + row_gap / 2
        middle = start + (row - row_gap) / 2 + 4
        parts.append(_text(left - 10, middle, bar.label, "end", "name"))
        parts.append(_text(width, middle, bar.note, "end", "value"))
        for number, (value, interval) in enumerate(zip(bar.values, bar.intervals, strict=True)):
            level = start + number * (thick + gap)
            parts.append(
                f'<rect x="{left}" y="{level:.1f}" width="{at(value) - left:.1f}" '
                f'height="{thick}" fill="{LINE_COLOURS[number]}"/>'
            )
            if interval is not None:
                parts.append(_whisker(at(interval[0]), at(interval[1]), level + thick / 2))
    return "".join([_legend(names, square=True), *parts, "</svg>"])


def _curve(line: Line, colour: str, at: Callable[[float, float], Point]) -> str:
    spots = [at(x, y) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    weight = 2 if line.strong else 1.3
    drawn = (
        f'<polyline fill="none" stroke="{colour}" stroke-width="{weight}" '
        f'stroke-linejoin="round" points="{path}"/>'
    )
    if line.dots or len(spots) == 1:
        drawn += "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots
        )
    return drawn


def _whisker(low: float, high: float, y: float) -> str:
    return (
        f'<path class="whisker" d="M{low:.1f} {y - 2.5:.1f}v5M{low:.1f} {y:.1f}H{high:.1f}'
        f'M{high:.1f} {y - 2.5:.1f}v5"/>'
    )


def _legend(labels: Sequence[str], square: bool = False) -> str:
    shape = "square" if square else "stroke"
    items = "".join(
        f'<li><i class="{shape}" style="background:{LINE_COLOURS[index % len(LINE_COLOURS)]}"></i>'
        f"{escape(label)}</li>"
        for index, label in enumerate(labels)
    )
    return f'<ul class="legend">{items}</ul>'


def _svg_open(width: int, height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'style="max-width:{width}px">'
    )


def _text(x: float, y: float, text: str, anchor: str, style: str = "tick") -> str:
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _number(value: float) -> str:
    if abs(value) >= 1000 and value == int(value):
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:g}"
