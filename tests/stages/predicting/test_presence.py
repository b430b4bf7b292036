"""Whether the object is there at all: by a calibrated presence and a threshold."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fsrvos_cli.main import run as command_line
from stages.data.images import read_ids
from stages.model.prediction import Followed
from stages.predicting.segmenter import Segmenter
from stages.runs.calibration import Calibration, write_calibration
from tests.stages.error_lines import Captured

SENTENCE = "the left ant"


def half_there(self: Segmenter, frames: list[np.ndarray], *_: object) -> Followed:  # type: ignore[type-arg]
    """All of every frame is marked; presence rises from -3 to 3 over a window."""
    masks = torch.full((len(frames), 16, 24), 5.0)
    return Followed(masks, torch.linspace(-3, 3, len(frames)), (), None)


@pytest.fixture
def calibrated_run(untrained_run: Path, tmp_path: Path) -> Path:
    """A run whose presence logit x means sigmoid(2 x - 1)."""
    run = tmp_path / "run"
    shutil.copytree(untrained_run, run)
    write_calibration(run, Calibration(2.0, -1.0, (3.0, 4.0), (-1.0,)))
    return run


@pytest.mark.parametrize(("given", "threshold"), [((), 0.5), (("--threshold", "0.9"), 0.9)])
def test_frames_below_the_threshold_are_empty_and_absent(
    clip: Path,
    support: Path,
    calibrated_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    threshold: float,
) -> None:
    monkeypatch.setattr(Segmenter, "follow", half_there)
    out = tmp_path / "out"
    line = ["predict", str(clip), SENTENCE, "--support", str(support), "-o", str(out)]
    line += ["--run", str(calibrated_run), "--device", "cpu", "--set", "evaluate.window=13", *given]
    assert command_line(line) == 0
    scores = json.loads((out / "scores.json").read_text())
    assert (scores["threshold"], scores["calibrated"]) == (threshold, True)
    logits = np.linspace(-3, 3, 13)
    for logit, entry in zip(logits, scores["frames"], strict=True):
        said = 1 / (1 + math.exp(1 - 2 * logit))
        assert entry["score"] == pytest.approx(said, abs=1e-4)
        assert entry["present"] is (said >= threshold)
        marked = bool(read_ids(out / "masks" / f"{entry['frame']}.png").any())
        assert marked is (said >= threshold)
    assert scores["present"] is True
    assert scores["presence"] == pytest.approx(1 / (1 + math.exp(-5)), abs=1e-4)
    assert scores["marked"] == sum(entry["present"] for entry in scores["frames"]) > 0


def test_not_in_this_video_is_an_answer(
    clip: Path,
    support: Path,
    calibrated_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setattr(Segmenter, "follow", half_there)
    out = tmp_path / "out"
    line = ["predict", str(clip), SENTENCE, "--support", str(support), "-o", str(out)]
    line += ["--run", str(calibrated_run), "--device", "cpu", "--threshold", "0.999"]
    assert command_line(line) == 0
    said = capsys.readouterr().out
    assert "not in this video; no frame shows it with a presence of 1.00 or more (at most" in said
    scores = json.loads((out / "scores.json").read_text())
    assert scores["present"] is False and scores["marked"] == 0
    assert not any(entry["present"] for entry in scores["frames"])
    assert not any(read_ids(path).any() for path in (out / "masks").iterdir())


def test_a_run_without_a_calibration_is_believed(untrained_run: Path) -> None:
    assert load_file(untrained_run / "model.safetensors")
    segmenter = Segmenter(untrained_run, "cpu")
    assert not segmenter.calibration.fitted
    assert segmenter.threshold() == 0.01 and segmenter.threshold(0.3) == 0.3
