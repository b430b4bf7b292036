"""Charts put points where their values say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.reporting.charts import Bar, Line, bar_chart, line_chart, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_cover_the_range_with_round_steps(low: float, span: float, wanted: int) -> None:
    found = ticks(low, low + span, wanted)
    step = found[1] - found[0]
    tolerance = 1e-6 * step + 1e-9 * abs(low)
    assert found[0] <= low + tolerance
    assert found[-1] >= low + span - tolerance
    assert len(found) <= wanted + 2


def test_ticks_are_the_numbers_one_would_write() -> None:
    assert ticks(0, 100, 6) == [0, 20, 40, 60, 80, 100]
    assert ticks(0, 1200, 6) == [0, 250, 500, 750, 1000, 1250]
    assert ticks(0, 0.7) == [0, 0.2, 0.4, 0.6, 0.8]
    assert ticks(3, 3) == [3] or ticks(3, 3)[0] <= 3 <= ticks(3, 3)[-1]


def spots(chart: str) -> list[tuple[float, float]]:
    (points,) = re.findall(r'points="([^"]+)"', chart)
    return [tuple(map(float, pair.split(","))) for pair in points.split()]


def test_a_line_is_in_proportion() -> None:
    chart = line_chart([Line("loss", [(0, 0), (50, 5), (100, 10)])], "step", "loss")
    (x0, y0), (x1, y1), (x2, y2) = spots(chart)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.11)
    assert y2 < y0  # larger values are higher up
    assert "<ul" not in chart  # a single curve needs no legend


def test_a_single_point_and_no_point() -> None:
    assert "<circle" in line_chart([Line("J", [(5, 0.5)])], "step", "J")
    assert line_chart([Line("J", [])], "step", "J") == ""
    assert bar_chart([], ["J"]) == ""


def test_bars_are_in_proportion_and_stay_inside() -> None:
    bars = [
        Bar("dog", (50.0, 25.0), ((40.0, 60.0), None), "n 1"),
        Bar("cat & co", (100.0, 0.0), ((90.0, 130.0), None), "n 2"),
    ]
    chart = bar_chart(bars, ("J", "F"))
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', chart)]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.11)
    assert widths[2] == pytest.approx(2 * widths[0], abs=0.11)
    assert widths[3] == 0
    ends = [float(x) for x in re.findall(r"H([\d.]+)M", chart)]
    left = float(re.findall(r'<rect x="([\d.]+)"', chart)[0])
    assert ends[1] == pytest.approx(left + widths[2], abs=0.11)  # cut at 100 percent
    assert "cat &amp; co" in chart
