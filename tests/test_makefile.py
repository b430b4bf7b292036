"""The Makefile: what runs, in which order, and what does not run again.

The commands are stand-ins that write what the real ones write, so these tests take no training.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Writes the files of each stage, and a line to calls.txt.
STAND_IN = r"""#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
with open("calls.txt", "a") as calls:
    print(*arguments, file=calls)
def of(flag, default=None):
    return pathlib.Path(arguments[arguments.index(flag) + 1]) if flag in arguments else default
def write(path, text="made\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
match arguments:
    case ["data", "sample", out, *_]:
        out = pathlib.Path(out)
        write(out / "sample.json")
        write(out / "classes.json", '["fish", "bird", "cup", "cat"]')
        told = {{name + "_0001": ["the red " + name] for name in ("fish", "bird", "cup", "cat")}}
        write(out / "videos/sentences.json", json.dumps(told))
    case ["features", *_]:
        print(json.dumps({{"key": "k", "text_key": "t", "videos": 3, "seconds": len(arguments)}}))
    case ["train", *_]:
        write(of("--run") / "model.safetensors", str(of("--config")))
    case ["evaluate", *_]:
        name = "-".join(word for word in arguments if "=" in word) or "plain"
        folder = of("--run") / "evaluations" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "predictions.h5").write_text("made")
        print(json.dumps({{"evaluation": str(folder)}}))
    case ["score", evaluation, *_]:
        assert list(pathlib.Path(evaluation).rglob("predictions.h5"))
        print("J&F 50.0")
    case ["report", *_] if of("--out"):
        of("--out").write_text("made")
    case ["predict", *_]:
        write(of("-o", pathlib.Path("work/predict/mine")) / "scores.json")
        write(of("-o", pathlib.Path("work/predict/mine")) / "overlay.mp4")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with the Makefile and a virtual environment of stand-ins."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    stand_in = binaries / "fsrvos"
    stand_in.write_text(STAND_IN.format(python=sys.executable))
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path


def make(project: Path, *arguments: str) -> tuple[list[str], str]:
    """Run make; returns the stages called, in order, and stdout."""
    calls = project / "calls.txt"
    calls.unlink(missing_ok=True)
    # Not the variables of a `make test` that runs this test.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "FSRVOS_WORK", "FSRVOS_CACHE"}
    }
    done = subprocess.run(
        ["make", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = calls.read_text().splitlines() if calls.exists() else []
    return lines, done.stdout


def names(calls: list[str]) -> list[str]:
    return [call.split()[0] for call in calls]


def test_demo_goes_the_whole_way_once(project: Path) -> None:
    calls, out = make(project, "demo")
    assert sorted(names(calls)) == sorted(
        ["data", "features", "train", "evaluate", "score", "predict", "report"]
    )
    assert names(calls)[:3] == ["data", "features", "train"]
    (predict,) = [call for call in calls if call.startswith("predict")]
    assert "videos/fish_0001.mp4 the red fish --support work/data/sample/support/fish" in predict
    tail = out.splitlines()[-6:]
    assert "J&F 50.0" in tail
    assert "overlay  work/predict/sample-demo-fold1/overlay.mp4" in tail
    assert "report   work/runs/sample-demo-fold1/report.html" in tail


def test_a_second_demo_does_no_work(project: Path) -> None:
    said = "Everything was done before"
    _, out = make(project, "demo")
    assert said not in out
    calls, out = make(project, "demo")
    assert names(calls) == ["data", "features", "train"]  # which see for themselves
    assert "J&F 50.0" in out
    assert said in out


def test_what_a_demo_evaluated_is_not_evaluated_again(project: Path) -> None:
    make(project, "demo")
    calls, out = make(project, "eval")
    assert calls == []
    assert "J&F 50.0" in out.splitlines()
    assert make(project, "report")[0] == []


def test_other_weights_are_evaluated_again(project: Path) -> None:
    make(project, "demo")
    (project / "work/runs/sample-demo-fold1/model.safetensors").unlink()
    calls, _ = make(project, "demo")
    assert names(calls) == ["data", "features", "train"]  # the same weights came out again
    (project / "work/stamps/train-sample-demo-fold1").write_text("other weights")
    calls, _ = make(project, "demo")
    assert {"evaluate", "score", "predict", "report"} < set(names(calls))


def test_the_four_commands_work_on_the_same_run(project: Path) -> None:
    make(project, "demo")
    calls, _ = make(project, "features", "FOLD=1")
    assert names(calls) == ["data", "features"]
    run = project / "work" / "runs" / "sample-lite-fold1"
    run.mkdir()
    (run / "model.safetensors").write_text("trained by hand with fsrvos train --from-cache")
    calls, out = make(project, "eval")
    assert names(calls) == ["evaluate", "score"]
    assert "--run work/runs/sample-lite-fold1" in calls[0]
    assert out.splitlines()[-2:] == [
        "J&F 50.0",
        "evaluation work/runs/sample-lite-fold1/evaluations/plain",
    ]


def test_every_way_of_evaluating_is_asked_for_once(project: Path) -> None:
    make(project, "demo")
    run = "RUN=work/runs/sample-demo-fold1"
    calls, _ = make(project, "eval", "SET=evaluate.protocol=paper train.steps=3")
    assert names(calls) == ["evaluate", "score"]
    assert "--set evaluate.protocol=paper" in calls[0] and "train.steps" not in calls[0]
    assert "evaluations/evaluate.protocol=paper" in calls[1]
    assert make(project, "eval", "SET=evaluate.protocol=paper")[0] == []
    assert names(make(project, "eval", run, "DATA=other")[0]) == ["evaluate", "score"]
    shutil.rmtree(project / "work/runs/sample-demo-fold1/evaluations")
    assert names(make(project, "eval", run, "DATA=other")[0]) == ["evaluate", "score"]


def test_report_is_of_the_evaluation_that_was_asked_for(project: Path) -> None:
    make(project, "demo")
    calls, out = make(project, "report", "SET=evaluate.window=3")
    assert names(calls) == ["evaluate", "score", "report"]
    assert "report work/runs/sample-demo-fold1/evaluations/evaluate.window=3 --out" in calls[2]
    assert out.splitlines()[-1] == "work/runs/sample-demo-fold1/report.html"


def test_an_ablation_is_scored_once(project: Path) -> None:
    options = ("LEFT_OUT=base affinity=none", "SEEDS=0 1")
    calls, _ = make(project, "ablation", *options)
    assert names(calls).count("train") == names(calls).count("score") == 4
    assert "--set model.affinity=none" in " ".join(calls)
    calls, _ = make(project, "ablation", *options)
    assert names(calls) == ["data", "features", "report", "report"]


def test_eval_in_a_fresh_clone_makes_what_it_needs(project: Path) -> None:
    calls, _ = make(project, "eval")
    assert names(calls) == ["data", "features", "train", "evaluate", "score"]
    assert "--config lite" in calls[2]


def test_variables_reach_the_stages(project: Path) -> None:
    (project / "mine").mkdir()
    calls, _ = make(
        project,
        "train",
        "FOLD=2",
        "CONFIG=paper",
        "DATA=mine",
        "DEVICE=cpu",
        "SET=features.views=2 train.steps=2",
    )
    assert names(calls) == ["features", "train"]
    for call in calls:
        for words in ("--data mine", "--fold 2", "--config paper", "--device cpu"):
            assert words in call
    assert "--set features.views=2 --set train.steps=2" in calls[1]
    assert "--set features.views=2" in calls[0] and "train.steps" not in calls[0]
    assert "--run work/runs/mine-paper-fold2" in calls[1]


def test_work_can_be_elsewhere(project: Path) -> None:
    calls, _ = make(project, "train", "WORK=else/where")
    assert "--run else/where/runs/sample-lite-fold1" in calls[2]
    assert not (project / "work").exists()


def test_predict_on_a_video_of_ones_own(project: Path) -> None:
    make(project, "demo")
    calls, _ = make(project, "predict", "VIDEO=my.mp4", "EXPRESSION=a brown dog", "SUPPORT=dir")
    assert names(calls) == ["predict"]
    assert "predict my.mp4 a brown dog --support dir" in calls[0]


def test_clean_removes_what_was_made_and_nothing_else(project: Path) -> None:
    make(project, "demo")
    (project / "work" / "notes.txt").write_text("mine")
    make(project, "clean")
    assert [path.name for path in (project / "work").iterdir()] == ["notes.txt"]
    assert (project / ".venv").exists()
    make(project, "distclean")
    assert not (project / ".venv").exists()


def test_help_lists_every_target_with_one_line(project: Path) -> None:
    _, out = make(project, "help")
    listed = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY"))
    assert set(phony.split()[1:]) - {"FORCE"} == set(listed)
    assert all(len(line.split()) > 2 for line in listed.values())


def test_a_table_is_made_of_the_small_preset_and_all_folds_by_default(project: Path) -> None:
    calls, _ = make(project, "table1")
    assert names(calls) == ["data", "table"]
    assert calls[1].startswith(
        "table 1 --data work/data/sample --test work/data/sample --fold all --seeds 1 "
        "--config small"
    )


def test_a_table_takes_what_is_named(project: Path) -> None:
    (project / "a").mkdir()
    stated = ("DATA=a", "TEST=b", "FOLD=2", "CONFIG=paper", "TRAININGS=3", "METHODS=mttr ours")
    calls, _ = make(project, "table3", *stated, "SET=train.steps=7")
    assert calls[-1] == (
        "table 3 --data a --test b --fold 2 --seeds 3 --config paper --method mttr --method ours "
        "--set train.steps=7 --device auto"
    )
