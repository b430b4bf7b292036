"""The whole way on the tiny preset, through the commands a user types.

What it proves is that the stages fit together, that a second call does no work and that failures on
the way are one line; the random encoders and four steps of training prove nothing about accuracy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fsrvos_cli.main import run
from stages.data.sample import CATEGORIES, render_sample

Captured = pytest.CaptureFixture[str]

# Fold 1 tests the first and the fifth class, so that a wrong category's support exists.
CLASSES = CATEGORIES[:6]
SENTENCE = f"a {CLASSES[0]}"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which everything was run once with defaults."""
    folder = tmp_path_factory.mktemp("project")
    render_sample(
        folder / "work/data/sample", 2, jobs=1, frames=5, size=(128, 96), categories=CLASSES
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            ["features", "--config", "tiny"],
            ["train", "--from-cache", "--config", "tiny"],
            ["evaluate"],
            ["score"],
            ["report"],
        ):
            assert run(command) == 0, command
    return folder / "work"


@pytest.fixture
def in_project(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `work` folder, from its project folder."""
    monkeypatch.chdir(work.parent)
    return work


@pytest.fixture
def call(in_project: Path, capsys: Captured) -> Callable[..., dict[str, object]]:
    """Run a command with --json and give its result."""

    def run_json(*arguments: str) -> dict[str, object]:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == 0, capsys.readouterr().err
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    return run_json


def test_the_run_folder_holds_what_the_documentation_says(work: Path) -> None:
    found = {path.name for path in (work / "runs" / "sample-tiny-fold1").iterdir()}
    assert {
        "config.toml",
        "model.safetensors",
        "metrics.jsonl",
        "report.html",
        "evaluations",
    } <= found
    (evaluation,) = (work / "runs/sample-tiny-fold1/evaluations").iterdir()
    assert evaluation.name.startswith("sample-fold1-davis-seeds1-")
    left = {path.name for path in evaluation.iterdir()}
    assert left == {"predictions.h5", "manifests", "score.json", "score.md", "score.csv"}


def test_the_log_has_every_step_and_loss_falls_out_finite(work: Path) -> None:
    text = (work / "runs/sample-tiny-fold1/metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4]
    for line in steps:
        assert np.isfinite(line["loss"])
        assert line["steps_per_second"] > 0
        assert 0 <= line["wait_share"] <= 1
    assert any("holdout_J" in line for line in lines)


def test_the_score_names_protocol_seeds_classes_and_controls(work: Path) -> None:
    (path,) = (work / "runs/sample-tiny-fold1").glob("evaluations/*/score.json")
    score = json.loads(path.read_text())
    assert score["protocol"] == "davis"
    assert score["fold"] == 1
    assert len(score["seeds"]) == 1
    assert set(score["per_category"]) == {CLASSES[0], CLASSES[4]}
    assert {"wrong_support", "empty_sentence", "twin_sentence", "untrained"} <= set(
        score["controls"]
    )
    assert 0 <= score["JF"] <= 100


def test_a_second_call_of_each_stage_changes_nothing(
    call: Callable[..., dict[str, object]], in_project: Path
) -> None:
    run_folder = in_project / "runs" / "sample-tiny-fold1"
    before = (run_folder / "model.safetensors").stat().st_mtime_ns
    features = call("features", "--config", "tiny")
    assert features["misses"] == 0
    assert features["text_misses"] == 0
    call("train", "--from-cache", "--config", "tiny")
    assert (run_folder / "model.safetensors").stat().st_mtime_ns == before


def test_predict_writes_masks_overlay_sheet_and_scores(in_project: Path, tmp_path: Path) -> None:
    video = in_project / "data/sample/videos" / f"{CLASSES[0]}_0001.mp4"
    support = in_project / "data/sample/support" / CLASSES[0]
    out = tmp_path / "out"
    assert run(["predict", str(video), SENTENCE, "--support", str(support), "-o", str(out)]) == 0
    with av.open(str(video)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    masks = sorted((out / "masks").glob("*.png"))
    assert len(masks) == frames
    with Image.open(masks[0]) as mask:
        assert mask.mode == "P"
        assert mask.size == (128, 96)
        assert set(np.unique(np.asarray(mask))) <= {0, 1}
    (overlay,) = out.glob("*.mp4")
    with av.open(str(overlay)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames
        assert container.streams.video[0].codec_context.name == "h264"
    assert len(list(out.glob("*.png"))) == 1
    scores = json.loads((out / "scores.json").read_text())
    assert len(scores["frames"]) == frames


@pytest.mark.parametrize(
    ("video", "sentence", "support", "code", "words"),
    [
        ("none.mp4", SENTENCE, "support", 4, "none.mp4"),
        ("text.mp4", SENTENCE, "support", 1, "text.mp4"),
        ("video", "", "support", 2, "expression"),
        ("video", "   ", "support", 2, "expression"),
        ("video", "a " * 2500, "support", 2, "expression"),
        ("video", SENTENCE, "empty", 4, "empty"),
        ("video", SENTENCE, "nowhere", 4, "nowhere"),
    ],
)
def test_a_prediction_that_cannot_be_made_is_one_line_and_leaves_nothing(
    in_project: Path,
    tmp_path: Path,
    capsys: Captured,
    video: str,
    sentence: str,
    support: str,
    code: int,
    words: str,
) -> None:
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty").mkdir()
    sample = in_project / "data/sample"
    places = {
        "video": sample / "videos" / f"{CLASSES[0]}_0001.mp4",
        "support": sample / "support" / CLASSES[0],
    }
    out = tmp_path / "out"
    arguments = [
        "predict",
        str(places.get(video, tmp_path / video)),
        sentence,
        "--support",
        str(places.get(support, tmp_path / support)),
        "-o",
        str(out),
    ]
    assert run(arguments) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert words in errors[0]
    assert not out.exists()


def test_a_truncated_checkpoint_is_refused(
    in_project: Path, tmp_path: Path, capsys: Captured
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(in_project / "runs/sample-tiny-fold1", broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert run(["evaluate", "--run", str(broken), "--data", "work/data/sample"]) == 1
    err = capsys.readouterr().err
    assert "model.safetensors" in err
    assert "unexpected" not in err


def test_an_unknown_fold_is_a_usage_error(in_project: Path, capsys: Captured) -> None:
    for command in (["features"], ["train", "--from-cache"], ["evaluate"]):
        config = [] if command == ["evaluate"] else ["--config", "tiny"]
        assert run([*command, *config, "--fold", "9"]) == 2
        assert "fold 9" in capsys.readouterr().err
    assert not (in_project / "runs" / "sample-tiny-fold9").exists()


def test_training_without_features_says_which_command_makes_them(
    in_project: Path, tmp_path: Path, capsys: Captured
) -> None:
    arguments = ["train", "--from-cache", "--config", "tiny", "--run", str(tmp_path / "run")]
    assert run([*arguments, "--cache-dir", str(tmp_path / "cache")]) == 4
    assert "fsrvos features" in capsys.readouterr().err
