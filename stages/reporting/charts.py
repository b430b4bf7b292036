"""Line and bar charts as inline SVG, drawn here so that the page needs nothing from elsewhere.

Here is where everything lies; templates/charts.html draws it. Colours and type come from the page's
style sheet through classes; sizes are in user units, which are CSS pixels at full width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stages.reporting.rendering import part
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


@dataclass(frozen=True)
class Text:
    """A piece of text; ``anchor`` is start, middle or end, ``style`` a class of the style sheet."""

    x: float
    y: float
    text: str
    anchor: str
    style: str = "tick"


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
) -> Markup:
    """Curves over a common axis, with a legend above. Empty without any point."""
    lines = [line for line in lines if line.points]
    if not lines:
        return Markup("")
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

    levels = [(value, at(0, value)[1]) for value in y_ticks]
    places = [(value, at(value, y_ticks[0])[0]) for value in x_ticks]
    chart = {
        "width": width,
        "height": height,
        "title": f"{y_label} over {x_label}",
        "left": left,
        "right": right,
        "bottom": bottom,
        "grid": [(left, y, right, y) for _, y in levels],
        "texts": [
            *(Text(left - 8, y + 4, _number(value), "end") for value, y in levels),
            *(Text(x, bottom + 18, _number(value), "middle") for value, x in places),
            Text(right, height - 4, x_label, "end", "label"),
        ],
        "curves": [
            {
                "label": line.label,
                "strong": line.strong,
                "dots": line.dots or len(line.points) == 1,
                "spots": [at(x, y) for x, y in line.points],
            }
            for line in lines
        ],
    }
    return part("charts.html", "lines", chart, LINE_COLOURS)


def bar_chart(bars: Sequence[Bar], names: Sequence[str], width: int = 620) -> Markup:
    """Horizontal bars in percent, several to a row, with whiskers for the intervals."""
    if not bars:
        return Markup("")
    thick, gap, row_gap = 9, 3, 14
    row = len(names) * (thick + gap) - gap + row_gap
    top, left, right = 6, 14 + 7 * max(len(bar.label) for bar in bars), width - 150
    bottom = top + row * len(bars)

    def at(percent: float) -> float:
        return left + min(max(percent, 0.0), 100.0) / 100 * (right - left)

    percents = [(percent, at(percent)) for percent in range(0, 101, 20)]
    texts = [Text(x, bottom + 16, str(percent), "middle") for percent, x in percents]
    drawn = []
    for index, bar in enumerate(bars):
        start = top + index * row + row_gap / 2
        middle = start + (row - row_gap) / 2 + 4
        texts.append(Text(left - 10, middle, bar.label, "end", "name"))
        texts.append(Text(width, middle, bar.note, "end", "value"))
        for number, (value, interval) in enumerate(zip(bar.values, bar.intervals, strict=True)):
            level = start + number * (thick + gap)
            whisker = interval and (at(interval[0]), at(interval[1]), level + thick / 2)
            drawn.append(
                {
                    "number": number,
                    "x": left,
                    "y": level,
                    "width": at(value) - left,
                    "height": thick,
                    "whisker": whisker,
                }
            )
    chart = {
        "width": width,
        "height": bottom + 24,
        "title": "scores by category in percent",
        "names": names,
        "grid": [(x, top, x, bottom) for _, x in percents],
        "texts": texts,
        "bars": drawn,
    }
    return part("charts.html", "bars", chart, LINE_COLOURS)


def _number(value: float) -> str:
    if abs(value) >= 1000 and value == int(value):
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:g}"
