"""`--fold all`: one fold after the other, each with its own run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fsrvos_cli import main
from stages import evaluate, features, train
from stages.runs.folder import EvaluationFolder
from stages.runs.training import TrainReport

CLASSES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of four kinds, and a work folder of its own."""
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    root = tmp_path / "mine"
    meta, words = {}, {}
    for name in CLASSES:
        frames = root / "train/JPEGImages" / name
        frames.mkdir(parents=True)
        (root / "train/Annotations" / name).mkdir(parents=True)
        (frames / "0.jpg").touch()
        (root / "train/Annotations" / name / "0.png").touch()
        meta[name] = {"objects": {"1": {"category": name}}}
        words[name] = {"frames": ["0"], "expressions": {"0": {"exp": name, "obj_id": "1"}}}
    (root / "train/meta.json").write_text(json.dumps({"videos": meta}))
    (root / "meta_expressions/train").mkdir(parents=True)
    path = root / "meta_expressions/train/meta_expressions.json"
    path.write_text(json.dumps({"videos": words}))
    return root


def call(*words: object) -> Any:
    done = CliRunner().invoke(main.cli, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_run_of_each_fold_is_trained_and_evaluated(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, str]] = []

    def trained(**options: Any) -> TrainReport:
        asked.append(("train", options["fold"], options["run"].name))
        assert f"--fold {options['fold']} " in options["command"]
        options["run"].mkdir(parents=True)
        (options["run"] / "config.toml").write_text("")
        return TrainReport(str(options["run"]), 1, 1, 1.0, 1.0, 0.0, 0.0)

    def evaluated(**options: Any) -> EvaluationFolder:
        asked.append(("evaluate", options["fold"], options["run"].name))
        return EvaluationFolder(options["run"] / "evaluations/x")

    monkeypatch.setattr(train, "train", trained)
    monkeypatch.setattr(evaluate, "evaluate", evaluated)
    reports = call("train", "--data", data, "--config", "small+danet", "--fold", "all")
    runs = [f"mine-small+danet-fold{fold}" for fold in (1, 2, 3, 4)]
    assert [Path(report["run"]).name for report in reports] == runs
    made = call("evaluate", "--data", data, "--run", runs[2], "--fold", "all")
    assert [Path(each["evaluation"]).parts[-3] for each in made] == runs
    folds = [(fold, run) for fold, run in zip((1, 2, 3, 4), runs, strict=True)]
    assert asked == [(stage, *each) for stage in ("train", "evaluate") for each in folds]


def test_features_of_all_folds_are_those_of_every_video(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(features, "extract", lambda **options: asked.append(options) or {})
    call("features", "--data", data, "--fold", "all")
    assert [(options["fold"], options["split"]) for options in asked] == [(0, "all")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--run", "mine"), "leave --run out"),
        (("features", "--split", "test"), "leave --split out"),
    ],
)
def test_what_means_nothing_for_all_folds_is_refused(
    data: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([*words, "--data", str(data), "--fold", "all"]) == 2
    assert said in capsys.readouterr().err
