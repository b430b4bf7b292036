"""J&F by support frames: every evaluation of a run, the newest of each number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stages.report import shots_report, write_report

EVALUATION = "evaluations/data-fold1-davis-seeds2-0a1b2c3d"


def evaluated(run: Path, name: str, shots: int | None, jf: float) -> None:
    """Another evaluation of the run, of which the score says so."""
    folder = run / "evaluations" / name
    shutil.copytree(run / EVALUATION, folder)
    score = json.loads((folder / "score.json").read_text())
    score.update(JF=jf, interval={"JF": [jf - 2, jf + 2], "J": [0, 1], "F": [0, 1]})
    score["predictions"]["shots"] = shots
    (folder / "score.json").write_text(json.dumps(score))


def test_a_column_a_number_of_frames(run: Path) -> None:
    for name, shots, jf in (("a", 1, 40.0), ("b", 5, 50.0), ("c", 10, 55.0), ("d", None, 99.0)):
        evaluated(run, name, shots, jf)
    found = shots_report(runs=[run])
    (row,) = found.rows
    assert {shots: figures["JF"] for shots, figures in row.scores.items()} == {1: 40, 5: 50, 10: 55}
    head, _, line = found.table().splitlines()
    assert head.split()[-3:] == ["1", "5", "10"]
    assert line.endswith("40.0 ± 2.0  50.0 ± 2.0  55.0 ± 2.0")
    page = write_report(runs=[run]).read_text()
    assert "J&amp;F over support frames" in page


def test_one_number_makes_no_curve(run: Path) -> None:
    evaluated(run, "a", 5, 40.0)
    found = shots_report(runs=[run])
    assert found.notes == (
        f"{run.name} was not evaluated with several numbers of support frames: "
        f"fsrvos evaluate --run {run} --shots K",
    )
    assert "over support frames" not in write_report(runs=[run]).read_text()


@pytest.mark.parametrize("setting", [5, None])
def test_older_scores_say_it_in_their_settings(run: Path, setting: int | None) -> None:
    evaluated(run, "a", None, 40.0)
    path = run / "evaluations/a/score.json"
    score = json.loads(path.read_text())
    score["predictions"]["provenance"] = {"settings": {"evaluate": {"support_frames": setting}}}
    path.write_text(json.dumps(score))
    assert len(shots_report(runs=[run]).rows) == (1 if setting else 0)
