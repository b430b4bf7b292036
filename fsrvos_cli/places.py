"""Where things are when the command line does not say: where the Makefile puts them.

    work/data/sample    the dataset
    work/cache          the feature cache
    work/runs/<run>     one folder a run, <dataset>-<config>-fold<N>
    work/predict        what `fsrvos predict` writes
    work/scores         scores of other programs' masks

FSRVOS_WORK moves `work`. Every place taken by default is named on stderr.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from configs import MissingError, UsageError, command
from stages.runs.packaged import PACKAGED, packaged_run

if TYPE_CHECKING:
    from cache import Place
    from stages.predicting.requests import Request


def work_root() -> Path:
    """The folder under which everything is made."""
    return Path(os.environ.get("FSRVOS_WORK") or "work")


def sample_root() -> Path:
    """Where the sample dataset is rendered."""
    return work_root() / "data" / "sample"


def cache_root(given: Place | None) -> Place:
    """Where the feature cache is: as given, or as FSRVOS_CACHE says, or under `work`."""
    from cache.location import default_root

    return given or default_root()


def find_data(given: Path | None, run: Path | None = None) -> Path:
    """The dataset to work on: as given, or the one a run was trained on, or the sample.

    Raises:
        MissingError: nothing given and nothing there.
    """
    if given is not None:
        return given
    named = _dataset_of_run(run) if run is not None else None
    found = named or sample_root()
    if not found.is_dir():
        raise MissingError(
            f"no dataset at {found}; name one with --data, or render it: "
            f"{command('fsrvos', 'data', 'sample', found)}"
        )
    taken("--data", found)
    return found


def run_for_training(
    given: Path | None, data: Sequence[Path], config_source: str, fold: int
) -> Path:
    """The folder of a new run: as given, or work/runs/<dataset>-<config>-fold<N>."""
    if given is not None:
        return given
    name = f"{'+'.join(path.resolve().name for path in data)}-{Path(config_source).stem}-fold{fold}"
    run = work_root() / "runs" / name
    taken("--run", run)
    return run


def find_run(given: Path | None) -> Path:
    """A run: as given (a folder, a name under work/runs, or a packaged run's), or the newest one.

    Raises:
        MissingError: there is none.
    """
    if given is not None:
        named = work_root() / "runs" / given
        if given.exists() or named.is_dir():
            return given if given.exists() else named
        return packaged_run(str(given)) if str(given) in PACKAGED else given
    runs = trained_runs()
    if not runs:
        raise MissingError(
            f"no trained run under {work_root() / 'runs'}; name one with --run, "
            "or train one: fsrvos train --from-cache"
        )
    taken("--run", runs[0])
    return runs[0]


def run_for_prediction(given: Path | None) -> Path:
    """The run that predicts: as given, or the one that comes with the program."""
    if given is None:
        given = Path("shipped")
        taken("--checkpoint", given)
    return find_run(given)


def find_predictions(given: Path | None) -> Path:
    """A predictions file: as given (itself, its folder, or a run), or the newest run's newest.

    Raises:
        MissingError: there is none.
    """
    from stages.runs.folder import EvaluationFolder, RunFolder

    place = find_run(given)
    if place.is_file():
        return place
    if not place.is_dir():
        raise MissingError(f"no run and no evaluation at {place}; `fsrvos info` lists the runs")
    own = EvaluationFolder(place)
    if own.predictions.is_file():
        return own.predictions
    found = [e for e in RunFolder(place).evaluations() if e.predictions.is_file()]
    if not found:
        evaluate = command("fsrvos", "evaluate", "--run", place)
        raise MissingError(f"no predictions in {place}; make them: {evaluate}")
    taken("EVALUATION", found[0].path)
    return found[0].predictions


def is_foreign(given: Path) -> bool:
    """Whether a path holds another program's masks: no predictions file of ours, and no run."""
    from stages.runs.folder import CONFIG, EvaluationFolder, RunFolder

    if given.is_file():
        return given.suffix.lower() in (".zip", ".json")
    if not given.is_dir() or EvaluationFolder(given).exists or (given / CONFIG).is_file():
        return False
    return not RunFolder(given).evaluations() and not (given / "model.safetensors").is_file()


def foreign_score(given: Path, protocol: str) -> Path:
    """Where the score of another program's masks goes: work/scores/<name>-<protocol>."""
    folder = work_root() / "scores" / f"{given.resolve().stem}-{protocol}"
    taken("--out", folder)
    return folder


def trained_runs() -> list[Path]:
    """Folders under work/runs that hold trained weights, the newest first."""
    from stages.runs.folder import RunFolder

    runs = [RunFolder(path) for path in (work_root() / "runs").glob("*")]
    trained = [run for run in runs if run.weights.is_file()]
    newest_first = sorted(trained, key=lambda run: run.weights.stat().st_mtime, reverse=True)
    return [run.path for run in newest_first]


def fold_of_run(given: int | None, run: Path) -> int:
    """The fold: as given, or as a run says, or the N in its name <dataset>-<config>-fold<N>, or 1.

    Evaluating another fold than the one trained for would test on classes seen in training.
    """
    if given is not None:
        return given
    match = re.search(r"-fold(\d+)$", run.resolve().name)
    fold = int(_facts(run).get("fold") or (match[1] if match else 1))
    taken("--fold", fold)
    return fold


def runs_of_folds(run: Path, folds: Sequence[int]) -> list[Path]:
    """The runs of all folds beside one of them, by their names <dataset>-<config>-fold<N>.

    Raises:
        UsageError: the run is not named so.
        MissingError: one of them is not there.
    """
    from stages.runs.folder import CONFIG

    home, name = run.resolve().parent, run.resolve().name
    stem, found, number = name.rpartition("-fold")
    if not found or not number.isdigit():
        raise UsageError(
            f"{run} is not named <name>-fold<N>, so what the runs of other folds are is not known; "
            "evaluate them one by one"
        )
    runs = [home / f"{stem}-fold{fold}" for fold in folds]
    for place, fold in zip(runs, folds, strict=True):
        if not place.is_dir():
            data = _dataset_of_run(run)
            named = () if data is None else ("--data", data)
            words = ("fsrvos", "train", "--from-cache", *named, "--config", run.resolve() / CONFIG)
            train = command(*words, "--fold", fold, "--run", place)
            raise MissingError(f"{place} does not exist; train it: {train}")
    return runs


def predictions() -> Path:
    """The folder under which predictions go."""
    return work_root() / "predict"


def prediction(request: Request, run: Path) -> Path:
    """Where a prediction goes: work/predict/<video>, with a number where that holds another one.

    The same video, part of it, sentence, support, sentence of the support where one is given, and
    run are the same prediction, which is made anew.
    """
    from stages.predicting.shelf import Shelf, folder_names

    return Shelf(predictions()).place(request, run, folder_names([request])[0])


def taken(option: str, value: object) -> None:
    """Say on stderr which default was taken."""
    click.echo(f"fsrvos: {option} {value} (default)", err=True)


def _dataset_of_run(run: Path) -> Path | None:
    """What a run was trained on (the first of several sets), or work/data/<dataset> of one named
    <dataset>-<config>-fold<N>."""
    trained_on = [Path(root) for root in _facts(run).get("data") or []]
    if trained_on and trained_on[0].is_absolute() and trained_on[0].is_dir():
        return trained_on[0]
    match = re.fullmatch(r"(.+)-[^-]+-fold\d+", run.resolve().name)
    data = work_root() / "data" / match[1] if match else None
    return data if data is not None and data.is_dir() else None


def _facts(run: Path) -> Mapping[str, Any]:
    """What training noted of a run; nothing where it has no weights."""
    from stages.runs.checkpoint import read_facts

    return read_facts(run) or {}
