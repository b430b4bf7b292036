"""Reliability: how often what was asked for was there, by the probability that said so."""

from __future__ import annotations

from markupsafe import Markup

from stages.reporting.charts import Line, line_chart
from stages.reporting.run import Run
from stages.runs.calibration import read_calibration


def reliability_chart(run: Run) -> Markup:
    """Of the held-back clips that the run's presence was calibrated on; empty without any.

    On the diagonal, probabilities are true.
    """
    calibration = read_calibration(run.folder)
    if not calibration.fitted:
        return Markup("")
    clips = len(calibration.present) + len(calibration.absent)
    points = [(point.said, point.true) for point in calibration.reliability()]
    return line_chart(
        [
            Line(f"{clips} held-back clips", points, strong=True, dots=True),
            Line("true probabilities", [(0.0, 0.0), (1.0, 1.0)]),
        ],
        "probability said",
        "share that was there",
    )
