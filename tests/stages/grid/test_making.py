"""A table is made from nothing, goes on where it was killed, and is left once it is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.data.sample.generator import render_sample
from stages.data.sample.sprites import CATEGORIES
from stages.predictions import read_meta
from stages.runs.folder import RunFolder
from stages.runs.progress import progress_files

pytestmark = pytest.mark.slow

SMALL = ("data.frames=2", "data.support_frames=2", "evaluate.support_frames=2")
SMALL += (
    "evaluate.seeds=2",
    "train.checkpoint_every=2",
    "train.holdout_episodes=1",
    "train.steps=6",
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "sample"
    render_sample(root, 4, frames=4, categories=CATEGORIES[:8])
    return root


def table(sample: Path, home: Path, number: int, *more: str) -> list[str]:
    sets = [word for pair in SMALL for word in ("--set", pair)]
    words = ["table", str(number), "--data", str(sample), "--config", "tiny", "--out", str(home)]
    words += ["--cache-dir", str(home / "cache"), "--device", "cpu", *sets, *more]
    return [sys.executable, "-m", "fsrvos_cli", *words]


def made(home: Path) -> dict[Path, tuple[int, int]]:
    """Every file of the runs with its time and size."""
    files = [path for path in home.glob("seed*/**/*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def test_a_killed_table_goes_on_and_is_then_left(sample: Path, tmp_path: Path) -> None:
    line = table(sample, tmp_path, 1, "--json")
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    second = tmp_path / "seed0/sample-tiny+danet-fold2"
    while process.poll() is None and not progress_files(RunFolder(second).checkpoints):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not RunFolder(second).evaluations()
    first = {p: v for p, v in made(tmp_path).items() if "danet-fold1" in str(p)}
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr or "is already trained" in done.stderr
    before = made(tmp_path)
    assert first.items() <= before.items()
    paper, ours, took = json.loads(done.stdout)["blocks"]
    assert [row["J / F by fold"] for row in ours["rows"]] == [
        "tiny+danet, protocol paper",
        "tiny, protocol paper",
    ]
    for row in ours["rows"]:
        folds = [[float(x) for x in row[f].split(" ± ")[0].split(" / ")] for f in "1234"]
        mean = [float(x) for x in row["mean"].split(" ± ")[0].split(" / ")]
        for part in (0, 1):
            assert mean[part] == pytest.approx(sum(f[part] for f in folds) / 4, abs=0.11)
    assert {row["steps"] for row in took["rows"]} == {"6"}
    again = subprocess.run(line, capture_output=True, text=True)
    assert again.stdout == done.stdout
    assert made(tmp_path) == before


def test_tables_of_one_fold_share_features_and_say_how_they_were_made(
    sample: Path, tmp_path: Path
) -> None:
    rows = ("--method", "mttr", "--method", "ours", "--method", "similarity")
    line = table(sample, tmp_path, 3, *rows, "--finetune-on-support", "2", "--json")
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    labels = [row[""] for row in json.loads(done.stdout)["blocks"][1]["rows"]]
    assert labels == [
        "tiny+mttr, protocol paper",
        "tiny+mttr, tuned 2 steps on the support, protocol paper",
        "tiny, protocol paper",
        "tiny+similarity, protocol paper",
    ]
    tuned = [
        folder
        for folder in RunFolder(tmp_path / "seed0/sample-tiny+mttr-fold1").evaluations()
        if "--finetune-on-support 2" in read_meta(folder.predictions)["provenance"]["command"]
    ]
    assert len(tuned) == 1
