"""Presence logits as probabilities that hold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import DataError
from stages.runs.calibration import (
    Calibration,
    calibrated,
    read_calibration,
    write_calibration,
)


def drawn(slope: float, offset: float, count: int = 40000) -> tuple[list[float], list[float]]:
    """Logits of clips that are truly present with probability sigmoid(slope x + offset), as many
    of the one kind as of the other."""
    rng = np.random.default_rng(0)
    x = rng.normal(-offset / slope, 3 / slope, count)
    there = rng.random(count) < 1 / (1 + np.exp(-(slope * x + offset)))
    return x[there].tolist(), x[~there].tolist()


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.2, 1.5), (4.0, -8.0)])
def test_probabilities_are_those_that_the_clips_were_drawn_with(
    slope: float, offset: float
) -> None:
    fitted = calibrated(*drawn(slope, offset))
    assert fitted.slope == pytest.approx(slope, rel=0.1)
    assert fitted.offset == pytest.approx(offset, abs=0.15 * max(1, abs(offset)))
    for point in fitted.reliability():
        assert abs(point.said - point.true) < 0.05, point
    assert sum(point.clips for point in fitted.reliability()) == 40000


def test_a_probability_is_the_sigmoid() -> None:
    said = Calibration(2.0, -1.0)
    assert said.probability(0.5) == pytest.approx(0.5)
    assert said.probability(np.array([0.0, 1.0])) == pytest.approx(
        [1 / (1 + math.e), math.e / (1 + math.e)]
    )
    assert said.probability_of(np.array([1 / (1 + math.exp(-0.5))])) == pytest.approx([0.5])


@given(st.lists(st.floats(-9, 9), max_size=12), st.lists(st.floats(-9, 9), max_size=12))
def test_more_presence_is_never_less_probability(present: list[float], absent: list[float]) -> None:
    fitted = calibrated(present, absent)
    said = fitted.probability(np.linspace(-20, 20, 9))
    assert (np.diff(said) >= 0).all() and (said >= 0).all() and (said <= 1).all()
    assert fitted.fitted is bool(present and absent)


def test_few_clips_that_differ_clearly_do_not_make_it_certain() -> None:
    fitted = calibrated([4.0, 5.0, 6.0], [-4.0, -5.0, -6.0])
    assert 0.7 < fitted.probability(5.0) < 0.9
    assert fitted.probability(5.0) == pytest.approx(1 - fitted.probability(-5.0), abs=1e-3)


def test_the_threshold_is_a_half_unless_that_loses_too_many() -> None:
    assert calibrated([2.0, 3.0, 4.0] * 9, [-2.0, -3.0, -4.0] * 9).threshold == 0.5
    rng = np.random.default_rng(1)
    mixed = calibrated(rng.normal(0.5, 1, 500).tolist(), rng.normal(-0.5, 1, 500).tolist())
    lost = (mixed.probability(np.array(mixed.present)) < mixed.threshold).mean()
    assert mixed.threshold < 0.5 and lost == pytest.approx(0.05, abs=0.002)
    assert Calibration().threshold == 0


def test_a_run_keeps_it(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) == Calibration()
    fitted = calibrated([1.0, 2.0, 2.5], [-1.0, 0.5])
    write_calibration(tmp_path, fitted)
    assert read_calibration(tmp_path) == fitted


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"slope": -1, "offset": 0, "present": [], "absent": []}', "\x00"]
)
def test_a_damaged_one_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(DataError, match=r"calibration\.json is no calibration of presence"):
        read_calibration(tmp_path)
