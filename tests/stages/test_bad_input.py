"""Bad data, places and settings through the command line: one line, its code, nothing left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fsrvos_cli.main import run as command_line
from tests.stages.error_lines import Captured, assert_one_line

WORDS = "meta_expressions/train/meta_expressions.json"


@pytest.fixture
def data(blocks_root: Path, tmp_path: Path) -> Path:
    """A dataset to break; its pictures are links."""

    def bring(source: str, target: str) -> None:
        (shutil.copy if source.endswith(".json") else os.link)(source, target)

    return Path(shutil.copytree(blocks_root, tmp_path / "blocks", copy_function=bring))


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def edit(data: Path, change: Callable[[dict[str, dict[str, object]]], object]) -> None:
    content = json.loads((data / WORDS).read_text())
    change(content["videos"])
    (data / WORDS).write_text(json.dumps(content))


def malformed(data: Path) -> None:
    (data / WORDS).write_text('{"videos": {')


def missing_file(data: Path) -> None:
    (data / "train/JPEGImages/bee0/00002.png").unlink()


def climbing_video(data: Path) -> None:
    edit(data, lambda videos: videos.update({"../../etc": videos.pop("bee0")}))


def climbing_frame(data: Path) -> None:
    edit(data, lambda videos: videos["bee0"].update(frames=["../bee1/00000"]))


def empty_category(data: Path) -> None:
    edit(data, lambda videos: [videos.pop(f"bee{version}") for version in range(3)])


def empty_test_category(data: Path) -> None:
    edit(data, lambda videos: [videos.pop(f"ant{version}") for version in range(3)])


def empty_sentence(data: Path) -> None:
    edit(data, lambda videos: videos["bee0"].update(expressions={"0": {"exp": " ", "obj_id": 1}}))


def long_sentence(data: Path) -> None:
    spoken = {"0": {"exp": "bee " * 1250, "obj_id": 1}}
    edit(data, lambda videos: videos["bee0"].update(expressions=spoken))


DATASETS = [
    (malformed, 1, "malformed JSON at line 1"),
    (missing_file, 4, "bee0/00002.png: no such image"),
    (climbing_video, 1, "leaves the dataset's folder"),
    (climbing_frame, 1, "leaves the folder"),
    (empty_sentence, 1, "the expression is empty"),
    (long_sentence, 1, "has 5000 characters"),
]
STAGES = ["features", "train", "evaluate"]


def command_of(stage: str, data: Path, tmp_path: Path, run: Path, *more: str) -> list[str]:
    """A stage on a dataset; what it makes would lie under tmp_path/made, or in the run."""
    arguments = [stage, "--data", str(data), "--cache-dir", str(tmp_path / "made/cache")]
    if stage == "features":
        arguments += ["--config", "tiny"]
    if stage == "train":
        arguments += ["--from-cache", "--config", "tiny", "--run", str(tmp_path / "made/run")]
    if stage == "evaluate":
        arguments += ["--run", str(run)]
    arguments += ["--device", "cpu"]
    for option in more:  # what is asked for takes the place of what this function states
        if option in arguments:
            at = arguments.index(option)
            del arguments[at : at + 2]
    return [*arguments, *more]


def call(stage: str, data: Path, tmp_path: Path, run: Path, *more: str) -> int:
    return command_line(command_of(stage, data, tmp_path, run, *more))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("damage", "code", "says"), DATASETS)
def test_a_bad_dataset(
    data: Path,
    tmp_path: Path,
    untrained_run: Path,
    capsys: Captured,
    stage: str,
    damage: Callable[[Path], None],
    code: int,
    says: str,
) -> None:
    damage(data)
    before = snapshot(untrained_run)
    assert call(stage, data, tmp_path, untrained_run) == code
    assert_one_line(capsys, says)
    assert not (tmp_path / "made").exists()
    assert snapshot(untrained_run) == before


@pytest.mark.parametrize("stage", STAGES)
def test_no_dataset_and_no_such_fold(
    data: Path, tmp_path: Path, untrained_run: Path, capsys: Captured, stage: str
) -> None:
    assert call(stage, tmp_path / "nothing", tmp_path, untrained_run, "--fold", "1") == 4
    assert_one_line(capsys, "no such dataset folder")
    run = Path(shutil.copytree(untrained_run, tmp_path / "run"))
    before = snapshot(run)
    assert call(stage, data, tmp_path, run, "--fold", "9") == 2
    assert_one_line(capsys, "fold 9")
    assert not (tmp_path / "made/run").exists()
    assert snapshot(run) == before
    assert list((tmp_path / "made").rglob("*.*")) == []


@pytest.mark.parametrize(
    ("stage", "damage", "category"),
    [("train", empty_category, "bee"), ("evaluate", empty_test_category, "ant")],
)
def test_a_category_without_videos(
    data: Path,
    tmp_path: Path,
    blocks_cache: Path,
    untrained_run: Path,
    capsys: Captured,
    stage: str,
    damage: Callable[[Path], None],
    category: str,
) -> None:
    damage(data)
    before = snapshot(untrained_run)
    cache = ("--cache-dir", str(blocks_cache))
    assert call(stage, data, tmp_path, untrained_run, *cache) == 1
    assert_one_line(capsys, f"category '{category}' has no video")
    assert not (tmp_path / "made").exists()
    assert snapshot(untrained_run) == before


@pytest.mark.parametrize(("stage", "limit"), [("train", 30_000), ("evaluate", 6_000)])
def test_a_disk_that_is_full_in_the_end(
    blocks_root: Path,
    blocks_cache: Path,
    untrained_run: Path,
    tmp_path: Path,
    stage: str,
    limit: int,
) -> None:
    """In a process of its own: HDF5's own writer ends it by a signal."""
    run = Path(shutil.copytree(untrained_run, tmp_path / "run"))
    cache = ("--cache-dir", str(blocks_cache))
    more = ("--set", "train.steps=1") if stage == "train" else ("--no-controls",)
    limited = (
        "import resource, sys; from fsrvos_cli.main import run; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        "sys.exit(run(sys.argv[1:]))"
    )
    command = command_of(stage, blocks_root, tmp_path, run, *cache, *more)
    done = subprocess.run(
        [sys.executable, "-c", limited, *command], stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("fsrvos: error: ")]
    assert "cannot be written (No space left on device)" in line
    assert not list((tmp_path).rglob(".*.*.*"))
    assert not (tmp_path / "made/run/model.safetensors").exists()
    assert not list(run.rglob("predictions.h5"))
