"""Defaults find what the Makefile makes, and say which they took."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from configs import MissingError, UsageError
from fsrvos_cli import places
from stages.runs.packaged import PACKAGED, packaged_run


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with a `work` folder in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FSRVOS_WORK", raising=False)
    monkeypatch.delenv("FSRVOS_CACHE", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    return work


def make_run(work: Path, name: str, age: int) -> Path:
    """A run folder whose weights are `age` seconds old."""
    run = work / "runs" / name
    run.mkdir(parents=True)
    weights = run / "model.safetensors"
    weights.touch()
    os.utime(weights, (1e9 - age, 1e9 - age))
    return run


def test_the_newest_trained_run_is_taken_and_named(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(work, "sample-lite-fold1", age=50)
    newest = make_run(work, "sample-demo-fold2", age=5)
    (work / "runs" / "untrained").mkdir()
    assert places.find_run(None).resolve() == newest
    out, err = capsys.readouterr()
    assert out == ""
    assert "--run work/runs/sample-demo-fold2" in err


def test_a_run_may_be_named_without_its_folder(work: Path) -> None:
    run = make_run(work, "sample-demo-fold1", age=0)
    assert places.find_run(Path("sample-demo-fold1")).resolve() == run
    assert places.find_run(run) == run
    assert places.find_run(Path("elsewhere")) == Path("elsewhere")


def test_without_a_run_the_error_says_how_to_make_one(work: Path) -> None:
    with pytest.raises(MissingError, match="fsrvos train --from-cache"):
        places.find_run(None)


def test_a_new_run_is_named_after_dataset_config_and_fold(work: Path) -> None:
    data = work / "data" / "sample"
    run = places.run_for_training(None, [data], "my/own.toml", 3)
    assert run == Path("work/runs/sample-own-fold3")
    assert places.run_for_training(Path("x"), [data], "lite", 1) == Path("x")
    both = places.run_for_training(None, [data, Path("my/photos")], "lite", 1)
    assert both == Path("work/runs/sample+photos-lite-fold1")


def test_data_follow_the_run(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data" / "sample").mkdir(parents=True)
    (work / "data" / "my-own").mkdir()
    run = make_run(work, "my-own-lite-fold2", age=0)
    assert places.find_data(None, run) == Path("work/data/my-own")
    assert places.find_data(None, work / "runs" / "other") == Path("work/data/sample")
    assert places.find_data(None) == Path("work/data/sample")
    assert places.find_data(Path("given"), run) == Path("given")
    assert capsys.readouterr().err.count("--data") == 3


def test_the_fold_follows_the_run(work: Path) -> None:
    assert places.fold_of_run(None, Path("work/runs/sample-demo-fold3")) == 3
    assert places.fold_of_run(None, Path("work/runs/mine")) == 1
    assert places.fold_of_run(2, Path("work/runs/sample-demo-fold3")) == 2


def test_the_work_folder_and_the_cache_can_be_moved(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.cache_root(None) == Path("work/cache")
    monkeypatch.setenv("FSRVOS_WORK", "elsewhere")
    assert places.sample_root() == Path("elsewhere/data/sample")
    assert places.cache_root(None) == Path("elsewhere/cache")
    monkeypatch.setenv("FSRVOS_CACHE", "fast/disk")
    assert places.cache_root(None) == Path("fast/disk")
    assert places.cache_root(Path("given")) == Path("given")


def test_packaged_runs_answer_to_their_names_unless_a_run_has_it(work: Path) -> None:
    for name in PACKAGED:
        assert places.find_run(Path(name)) == packaged_run(name)
    own = make_run(work, "shipped", age=0)
    assert places.find_run(Path("shipped")).resolve() == own.resolve()


def test_the_runs_of_all_folds_lie_beside_one_of_them(work: Path) -> None:
    runs = [make_run(work, f"my-set-text-only-fold{fold}", age=fold) for fold in (1, 2)]
    assert places.runs_of_folds(runs[1], (1, 2)) == runs
    with pytest.raises(MissingError, match=r"fold3 does not exist; train it: .* --fold 3 --run"):
        places.runs_of_folds(runs[0], (1, 2, 3))
    with pytest.raises(UsageError, match="not named <name>-fold<N>"):
        places.runs_of_folds(make_run(work, "mine", age=0), (1, 2))
