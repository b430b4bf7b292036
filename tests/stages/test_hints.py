"""Commands that messages name work when they are pasted: each is run here."""

from __future__ import annotations

import ast
import html
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsrvos_cli.main import cli, run
from stages.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
Hint = Callable[..., list[str]]


@pytest.fixture
def project(
    blocks_root: Path, untrained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder, with a blank in its name, of a dataset and a run; nothing is cached."""
    folder = tmp_path / "my project"
    shutil.copytree(blocks_root, folder / "work/data/sample")
    shutil.copytree(untrained_run, folder / "work/runs/blocks-tiny-fold1")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: None)
    monkeypatch.setenv("FSRVOS_CONFIG", "tiny")
    short = "data.frames=3 data.support_frames=2 evaluate.support_frames=2 train.steps=1"
    monkeypatch.setenv("FSRVOS_SET", short)
    return folder


@pytest.fixture
def hint(capsys: pytest.CaptureFixture[str]) -> Hint:
    """The command that a failing call names, as words without the program's name."""

    def named(*call: str, code: int) -> list[str]:
        capsys.readouterr()
        assert run(list(call)) == code
        error = capsys.readouterr().err.splitlines()[-1]
        return command_in(error)

    return named


def command_in(text: str) -> list[str]:
    """The last command that a message names."""
    assert "fsrvos " in text, text
    return shlex.split(text.rpartition("fsrvos ")[2].partition("`")[0].removesuffix(")"))


def chunks(project: Path) -> list[Path]:
    """Every file of values in the cache."""
    found = (project / "work/cache").glob("*/items/*/**/values/**/*")
    return [path for path in found if path.is_file() and path.suffix != ".json"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(bytes(content))


def test_missing_features_of_a_training(project: Path, hint: Hint) -> None:
    train = ["train", "--from-cache", "--fold", "2", "--cache-dir", str(project / "a cache")]
    train += ["--set", "features.views=2", "--set", "features.stored=uint6"]
    command = hint(*train, code=4)
    assert {"--fold", "2", "tiny", "features.views=2", "features.stored=uint6"} <= set(command)
    assert run(command) == 0
    assert run(train) == 0


@pytest.mark.parametrize("stored", ["uint8", "uint4"])
def test_missing_features_of_an_evaluation(
    project: Path, hint: Hint, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    monkeypatch.delenv("FSRVOS_CONFIG")
    evaluate = ["evaluate", "--no-controls", "--set", f"features.stored={stored}"]
    assert run(hint(*evaluate, code=4)) == 0
    assert run(evaluate) == 0


def test_a_damaged_item_of_the_cache(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["features"]) == 0
    for path in chunks(project):
        flip(path)
    codes = []
    while (code := run(["evaluate", "--no-controls"])) != 0 and len(codes) < 20:
        codes.append(code)  # one batch of videos is found damaged at a time
        assert run(command_in(capsys.readouterr().err.splitlines()[-1])) == 0
    assert code == 0
    assert codes and set(codes) == {3}


def test_a_damaged_cache_names_the_command_that_made_it(project: Path, hint: Hint) -> None:
    assert run(["features", "--set", "features.stored=uint6"]) == 0
    flip(chunks(project)[0])
    command = hint("cache", "verify", "--deep", code=3)
    assert "features.stored=uint6" in command
    assert run(command) == 0
    assert run(["cache", "verify", "--deep"]) == 0


def test_a_run_without_predictions_and_a_report_without_anything(project: Path, hint: Hint) -> None:
    assert run(["features"]) == 0
    place = project / "work/runs/blocks-tiny-fold1"
    assert run(["report", str(place)]) == 0
    page = html.unescape(RunFolder(place).report.read_text())
    assert "No predictions yet" in page
    evaluate = hint("score", str(place), code=4)
    assert shlex.join(["fsrvos", *evaluate]) in page
    assert run(evaluate) == 0
    assert run(["report", str(place)]) == 0
    score = re.search(r"No score yet: run `(.*)`", RunFolder(place).report.read_text())
    assert score is not None
    assert run(shlex.split(html.unescape(score[1]))[1:]) == 0
    assert run(["report", str(place)]) == 0
    assert not re.search(r"No \w+ yet", RunFolder(place).report.read_text())


def test_a_run_that_is_not_trained_or_not_there(project: Path, hint: Hint) -> None:
    assert run(["features"]) == 0
    place = project / "work/runs/blocks-tiny-fold1"
    RunFolder(place).weights.unlink()
    assert run(hint("evaluate", "--run", str(place), code=4)) == 0
    assert run(["evaluate", "--run", str(place), "--no-controls"]) == 0
    assert run(hint("report", str(project / "new run"), code=4)) == 0
    assert run(["report", str(project / "new run")]) == 0
    shutil.rmtree(project / "work/runs")
    assert run(hint("score", code=4)) == 0


def test_places_that_hold_something_else(project: Path, hint: Hint) -> None:
    assert run(hint("cache", "info", "zz", "--cache-dir", "a b", code=4)) == 0
    assert run(hint("score", "nowhere", code=4)) == 0
    for video in ("ant0", "bee0"):
        shutil.rmtree(project / f"work/data/sample/train/JPEGImages/{video}")
    assert hint("features", code=4)[:2] == ["data", "check"]
    assert run(hint("features", code=4)) == 1  # which lists the faults
    sample = hint("features", "--data", str(project / "my data"), code=4)
    command = cli.get_command(None, "data").get_command(None, "sample")  # type: ignore
    given = command.make_context("sample", sample[2:]).params
    assert given["out"] == project / "my data"


def messages() -> Iterator[tuple[str, str]]:
    """Texts in the program that name one of its commands, without docstrings and help."""
    for package in ("cache", "configs", "fsrvos_cli", "stages"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            told = {
                node.body[0].value
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                if not isinstance(node, ast.Constant) or node in told:
                    continue
                if isinstance(node.value, str) and re.search(r"\bfsrvos [a-z]", node.value):
                    yield f"{path.name}:{node.lineno}", node.value


def test_no_message_leaves_a_word_to_be_filled_in() -> None:
    for place, text in messages():
        for command in re.findall(r"fsrvos [a-z][^`;)]*", text):
            filled = re.sub(r"FSRVOS_\w+|SOURCE OUT", "", command)
            assert not re.search(r"\b[A-Z]{2,}\b|\b[A-Z]\b", filled), (place, command)
