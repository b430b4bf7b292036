"""Files say how they were made, so completely that the command on record makes them again."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cache.inventory import list_keys
from fsrvos_cli.main import run
from stages.predictions import read_meta, read_predictions
from stages.runs.checkpoint import read_facts
from stages.runs.folder import RunFolder

SETS = ["--set", "data.frames=3", "--set", "data.support_frames=2"]


@pytest.fixture
def project(blocks_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a dataset, in which names are relative."""
    folder = tmp_path / "my project"
    shutil.copytree(blocks_root, folder / "blocks")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: None)
    return folder


def again(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a recorded command from elsewhere."""
    words = shlex.split(command)
    assert words[0] == "fsrvos"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    monkeypatch.chdir(elsewhere)
    assert run(words[1:]) == 0
    assert list(elsewhere.iterdir()) == []


def test_the_command_on_record_makes_each_file_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(project / "runs/one")
    place = ["--cache-dir", "cache", "--device", "cpu"]
    stored = ["--set", "features.stored=uint6"]
    fold = ["--data", "blocks", "--fold", "2"]
    assert run(["features", *fold, "--config", "tiny", *stored, *place]) == 0
    train = ["train", "--from-cache", *fold, "--config", "tiny", *stored, *SETS, *place]
    assert run([*train, "--run", "runs/one", "--seed", "5"]) == 0
    few = ["--seeds", "2", "--no-controls", "--set", "evaluate.window=2"]
    assert run(["evaluate", "--run", "runs/one", *place, *few]) == 0
    (evaluation,) = folder.evaluations()
    assert run(["score", str(evaluation.path)]) == 0
    masks = {said.key: said.masks for said in read_predictions(evaluation.predictions)}
    weights, score = load_file(folder.weights), json.loads(evaluation.score.read_text())

    made = {str(entry.provenance["command"]) for entry in list_keys(project / "cache")}
    (features,) = made
    assert str(project / "cache") in shlex.split(features)
    facts = read_facts(folder.path)
    assert facts is not None
    evaluate = read_meta(evaluation.predictions)["provenance"]["command"]
    assert {"evaluate.window=2", "evaluate.seeds=2", "--no-controls"} <= set(shlex.split(evaluate))
    shutil.rmtree(project / "cache")
    shutil.rmtree(folder.path)
    for command in (features, facts["provenance"]["command"], evaluate):
        again(command, tmp_path, monkeypatch)
    again(score["provenance"]["command"], tmp_path, monkeypatch)

    assert all(torch.equal(load_file(folder.weights)[name], weights[name]) for name in weights)
    (made_again,) = folder.evaluations()
    assert made_again == evaluation
    found = {said.key: said.masks for said in read_predictions(evaluation.predictions)}
    assert found.keys() == masks.keys()
    assert all(np.array_equal(found[key], masks[key]) for key in masks)
    assert json.loads(evaluation.score.read_text())["JF"] == score["JF"]


def test_a_prediction_says_how_it_was_made(
    project: Path, untrained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = project / "blocks/train/JPEGImages/ant0"
    shown = project / "support"
    shown.mkdir()
    for kind, suffix in (("JPEGImages", ".png"), ("Annotations", "_mask.png")):
        shutil.copy(project / f"blocks/train/{kind}/ant2/00000.png", shown / f"a{suffix}")
    (shown / "support.toml").write_text('expression = "the ant"\nobject_id = 1\n')
    (shown / "a.png").rename(shown / "a.bmp")
    (shown / "a_mask.png").rename(shown / "a.png")
    from PIL import Image

    with Image.open(shown / "a.bmp") as image:
        image.convert("RGB").save(shown / "a.jpg", quality=95)
    (shown / "a.bmp").unlink()
    words = ["predict", str(frames), "-x the left one", "--support", "support", "-o", "out"]
    assert run(["predict", *words[3:], "--checkpoint", str(untrained_run), "--", *words[1:3]]) == 0
    scores = json.loads((project / "out/scores.json").read_text())
    shutil.rmtree(project / "out")
    again(scores["provenance"]["command"], tmp_path, monkeypatch)
    assert json.loads((project / "out/scores.json").read_text())["frames"] == scores["frames"]


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (["features"], "train.steps=2"),
        (["evaluate"], "train.steps=2"),
        (["evaluate"], "features.short_side=64"),
        (["evaluate"], "model.queries=3"),
    ],
)
def test_a_setting_without_effect_is_an_error(
    project: Path,
    untrained_run: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    key: str,
) -> None:
    if command == ["evaluate"]:
        command = ["evaluate", "--run", str(untrained_run)]
    assert run([*command, "--data", "blocks", "--set", key]) == 2
    name = key.partition("=")[0]
    assert f"--set {name} has no effect on fsrvos {command[0]}" in capsys.readouterr().err


def test_settings_of_the_environment_are_for_whoever_reads_them(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FSRVOS_SET", "train.steps=2 features.stored=uint6")
    features = ["features", "--data", "blocks", "--config", "tiny", "--cache-dir", "cache"]
    assert run(features) == 0
    monkeypatch.setenv("FSRVOS_SET", "features.dtpe=uint6")
    assert run(features) == 2
    assert "did you mean 'features.stored'" in capsys.readouterr().err
