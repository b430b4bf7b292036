"""Bad data, places and settings through the command line: one line, its code, nothing left."""

from __future__ import annotations

import errno
import json
import os
import shutil
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


def call(stage: str, data: Path, tmp_path: Path, run: Path, *more: str) -> int:
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
    return command_line([*arguments, *more])


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


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_features_that_are_not_there_are_missed_before_any_work(
    blocks_root: Path, tmp_path: Path, untrained_run: Path, capsys: Captured, stage: str
) -> None:
    before = snapshot(untrained_run)
    assert call(stage, blocks_root, tmp_path, untrained_run) == 4
    assert_one_line(capsys, "fsrvos features --data")
    assert not (tmp_path / "made/run").exists()
    assert snapshot(untrained_run) == before


def test_a_checkpoint_cut_short_or_of_another_encoder_than_the_cache(
    blocks_root: Path, blocks_cache: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    run = Path(shutil.copytree(untrained_run, tmp_path / "run"))
    weights = run / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000])
    cache = ("--cache-dir", str(blocks_cache))
    before = snapshot(run)
    assert call("evaluate", blocks_root, tmp_path, run, *cache) == 1
    assert_one_line(capsys, "model.safetensors is damaged or truncated")
    assert snapshot(run) == before
    key = b'\\"vision_digest\\": \\"'
    at = whole.index(key) + len(key)
    weights.write_bytes(whole[:at] + b"0" * 64 + whole[at + 64 :])
    before = snapshot(run)
    assert call("evaluate", blocks_root, tmp_path, run, *cache) == 1
    assert_one_line(capsys, "was trained on features of another vision encoder")
    assert snapshot(run) == before


def test_an_unknown_key_of_a_configuration(
    blocks_root: Path, tmp_path: Path, untrained_run: Path, capsys: Captured
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[train]\nstepps = 3\n")
    for stage in STAGES:
        assert call(stage, blocks_root, tmp_path, untrained_run, "--config", str(path)) == 2
        assert_one_line(capsys, "did you mean 'train.steps'")
    assert not (tmp_path / "made").exists()


def test_a_cache_in_a_place_that_cannot_be_written(
    blocks_root: Path,
    tmp_path: Path,
    untrained_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    (tmp_path / "file").write_text("")
    place = ("--cache-dir", str(tmp_path / "file/cache"))
    assert call("features", blocks_root, tmp_path, untrained_run, *place) == 1
    says = "cannot write to the cache: a file is where a folder is due: "
    assert_one_line(capsys, f"{says}{tmp_path / 'file/cache'}")
    assert (tmp_path / "file").read_text() == ""
    mkdir = Path.mkdir

    def refuse(self: Path, *arguments: int, **options: bool) -> None:
        if "locked" in self.parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    place = ("--cache-dir", str(tmp_path / "locked/cache"))
    assert call("features", blocks_root, tmp_path, untrained_run, *place) == 1
    assert_one_line(capsys, "cannot write to the cache: permission denied")
    assert not (tmp_path / "locked").exists()


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_a_disk_that_is_full_in_the_end(
    blocks_root: Path,
    blocks_cache: Path,
    untrained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    stage: str,
) -> None:
    run = Path(shutil.copytree(untrained_run, tmp_path / "run"))
    cache = ("--cache-dir", str(blocks_cache))
    more = ("--set", "train.steps=1") if stage == "train" else ("--no-controls",)
    sync, weights = os.fsync, []

    def full(handle: int) -> None:
        if stage == "evaluate" and not weights:
            weights.append(handle)  # the manifest still fits
            return sync(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert call(stage, blocks_root, tmp_path, run, *cache, *more) == 1
    assert_one_line(capsys, "No space left on device")
    assert not list((tmp_path).rglob("*.partial"))
    assert not (tmp_path / "made/run/model.safetensors").exists()
    assert not list(run.rglob("predictions.h5"))
