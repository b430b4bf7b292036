"""Failures: one line on stderr, the exit code of the kind of failure, no traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from configs import CacheIntegrityError, DataError, FsrvosError, MissingError, UsageError
from fsrvos_cli.commands.info import info
from fsrvos_cli.main import run


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """Run a command that raises the error; returns the exit code."""

    def run_failing(error: BaseException, *arguments: str) -> int:
        def callback(**_: object) -> None:
            raise error

        monkeypatch.setattr(info, "callback", callback)
        return run([*arguments, "info"])

    return run_failing


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (FsrvosError("the work failed"), 1, "the work failed"),
        (DataError("dir/a.png is not a mask"), 1, "dir/a.png"),
        (UsageError("no fold 9"), 2, "no fold 9"),
        (CacheIntegrityError("chunk 3 is damaged"), 3, "chunk 3"),
        (MissingError("no weights"), 4, "no weights"),
        (click.UsageError("what?"), 2, "what?"),
        (OSError(errno.ENOSPC, "No space left on device", "out/a.png"), 1, "out/a.png: the disk"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 1, "out: permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), 1, "read-only"),
        (MemoryError(), 1, "out of memory"),
        (ImportError("libGL.so.1: cannot open shared object file"), 1, "opencv-python-headless"),
        (RuntimeError("odd\nsecond line"), 1, "unexpected RuntimeError: odd second line"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_error_has_its_code_and_one_line(
    fail: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    words: str,
) -> None:
    assert fail(error) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip().startswith("fsrvos: error: ")
    assert err.strip().count("\n") == 0
    assert words in err


def test_debug_shows_the_traceback_and_keeps_the_code(
    fail: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(MissingError("no weights"), "--debug") == 4
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("fsrvos: error: no weights\n")


def test_an_unexpected_error_says_how_to_see_more(
    fail: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ValueError("odd"))
    assert "--debug" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["traim"], 2, "did you mean 'train'"),
        (["train", "--fold", "one"], 2, "'one'"),
        (["train", "--set", "train.stepps=3"], 2, "did you mean 'train.steps'"),
        (["train", "--config", "light"], 2, "did you mean 'lite'"),
        (["features", "--config", "none.toml"], 4, "none.toml"),
        (["features"], 4, "fsrvos data sample"),
        (["features", "--run", "shipped", "--config", "lite"], 2, "leave --config out"),
        (["train", "--from-cache"], 4, "fsrvos data sample"),
        (["evaluate"], 4, "fsrvos train --from-cache"),
        (["score"], 4, "fsrvos train --from-cache"),
        (["report"], 4, "fsrvos train --from-cache"),
        (["predict", "video.mp4", "a dog"], 2, "--support"),
        (["predict", "video.mp4", "a dog", "--support", "d"], 4, "no such support folder"),
        (["train", "--device", "abacus"], 2, "abacus"),
    ],
)
def test_a_bad_call_in_an_empty_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("fsrvos: error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["features", "train"])
def test_a_device_that_is_not_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    data = tmp_path / "data"
    data.mkdir()
    assert run([command, "--data", str(data), "--device", "cuda"]) == 2
    assert "there is no cuda device here" in capsys.readouterr().err
    assert list(tmp_path.rglob("*")) == [data]


def test_the_installed_entry_points_translate_errors(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "fsrvos_cli", "features"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.startswith("fsrvos: error: no dataset at work/data/sample")


def test_a_reader_that_leaves_early_is_no_failure_worth_words() -> None:
    root = Path(__file__).resolve().parents[2]
    script = (
        "import os, sys\n"
        "from fsrvos_cli.main import run\n"
        "os.close(1); r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
        "sys.exit(run(['--help']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, stderr=subprocess.PIPE, text=True
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
