"""The same object throughout, with the encoders and the head that come with the program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages.benchmark import predict_rows
from stages.benchmark.setting import Setting
from stages.data.images import read_ids
from stages.data.overlay import write_mask_png, write_png
from stages.data.sample.videos import render_video
from stages.data.video_writer import write_video
from stages.predict import predict
from stages.predicting.following import OVERLAP
from stages.runs.checkpoint import load_checkpoint
from stages.runs.packaged import packaged_run

LIBRARIES_GB = 0.4  # of a process that has imported torch, about


@pytest.mark.slow
def test_a_looped_clip_is_as_steady_between_windows_as_inside(tmp_path: Path) -> None:
    run = packaged_run("shipped")
    drawn = render_video("fish", 0, seed=0, frames=11, size=(240, 400))
    to_and_fro = [*range(11), *range(10, -1, -1)]
    write_video(tmp_path / "loop.mp4", (drawn.frames[t] for t in to_and_fro * 3), 25)
    other = render_video("fish", 1, seed=0, frames=5, size=(240, 400))
    _, number = other.expressions[0]
    for t in range(5):
        write_png(tmp_path / f"support/{t}.png", other.frames[t])
        write_mask_png(tmp_path / f"support/masks/{t}.png", other.ids[t] == number)
    (tmp_path / "support/support.toml").write_text('expression = "a fish"\n')
    out = tmp_path / "out"
    predict(
        video=tmp_path / "loop.mp4",
        expression="a fish",
        support=tmp_path / "support",
        run=run,
        out=out,
    )
    scores = json.loads((out / "scores.json").read_text())
    masks = [read_ids(out / "masks" / f"{f['frame']}.png") > 0 for f in scores["frames"]]
    assert len(masks) == 66
    steady = np.array([iou(a, b) for a, b in zip(masks, masks[1:], strict=False)])
    window = load_checkpoint(run).config.evaluate.window
    edges = np.arange(window - OVERLAP, 65, window - OVERLAP)
    at_edges = np.unique(np.concatenate([edges - 1, edges, edges + 1]))
    inside = np.setdiff1d(np.arange(65), at_edges)
    assert steady[at_edges].mean() >= steady[inside].mean() - 0.02
    assert steady.min() > 0.3


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """What the process takes in all, interpreter and libraries with it."""
    setting = Setting("cpu", 1, 1, tmp_path)
    short, long = (predict_rows.memory(setting, (n,)).popitem()[1] for n in (100, 10_000))
    assert LIBRARIES_GB + long <= 1.1 * (LIBRARIES_GB + short)


def iou(one: np.ndarray, other: np.ndarray) -> float:  # type: ignore[type-arg]
    return float((one & other).sum() / max(1, (one | other).sum()))
