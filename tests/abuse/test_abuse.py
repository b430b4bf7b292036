"""Damaged, lying and hostile inputs: one line each, within limits, and nothing written elsewhere.

A case is drawn from `SEED` and its number alone. What fails is kept in .abuse/ with its inputs, and
its number belongs into FOUND once it is mended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsrvos_cli.main import run as command_line
from tests.abuse import corpus as sound
from tests.abuse.cases import SEED, Case, faults, set_up
from tests.abuse.nursery import MEMORY

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".abuse"
CASES, TOGETHER = 500, 50
FOUND = (253, 280)

TINY = """
[encoder]
family = "tiny"

[features]
short_side = 64
long_side = 96

[model]
network = "similarity"
"""


class Nursery:
    """The process that runs commands, see nursery.py."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/abuse/nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        assert self._heard() == "ready"

    def _heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def run(self, case: Case) -> list[str]:
        """What the case's command did that it must not."""
        assert self.process.stdin is not None
        before = tree(case.made.parent / "input")
        told = {"arguments": case.arguments, "cwd": str(case.cwd), "made": str(case.made)}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self._heard())
        found = faults(said["code"], said["peak"], said["ended"], case.made, [MEMORY])
        if tree(case.made.parent / "input") != before:
            found.append("changes its inputs")
        return found

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What lies in a folder; links are not followed, and no name is too strange."""
    found = {}
    for entry in os.scandir(folder):
        about = entry.stat(follow_symlinks=False)
        found[entry.path] = (about.st_mode, about.st_size, about.st_mtime_ns)
        if entry.is_dir(follow_symlinks=False):
            found |= tree(Path(entry.path))
    return found


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without weights that takes next to no time."""
    folder = tmp_path_factory.mktemp("run") / "tiny"
    folder.mkdir()
    (folder / "config.toml").write_text(TINY)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, run: Path) -> Path:
    """Sound inputs of every kind."""
    folder = tmp_path_factory.mktemp("corpus") / "input"
    sound.videos(folder / "videos")
    sound.supports(folder / "supports")
    sound.lists(folder / "lists")
    sound.dataset(folder / "dataset")
    (folder / "encoded").mkdir()
    saved = [str(folder / "supports/masks"), str(folder / "encoded/s.support")]
    assert command_line(["support", "save", *saved, "--checkpoint", str(run)]) == 0
    return folder


def attempt(number: int, nursery: Nursery, corpus: Path, run: Path, home: Path) -> list[str]:
    """What is wrong with a case, each with the case; its inputs are kept where something is."""
    case = set_up(number, corpus, home / str(number), run)
    found = nursery.run(case)
    if found:
        kept = KEPT / f"{SEED}-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(exist_ok=True)
        shutil.move(home / str(number), kept)
        (kept / "case.json").write_text(json.dumps([case.said, case.arguments, found], indent=1))
    else:
        shutil.rmtree(home / str(number))
    return [f"{number}: {case.said}: {fault}" for fault in found]


def test_sound_inputs_pass(nursery: Nursery, corpus: Path, run: Path, tmp_path: Path) -> None:
    made = tmp_path / "home/made"
    made.mkdir(parents=True)
    inputs = Path(shutil.copytree(corpus, tmp_path / "home/input"))
    where = ["-o", str(made / "out"), "--checkpoint", str(run)]
    kinds = sorted((inputs / "supports").iterdir())
    asked: list[list[str]] = [
        ["data", "check", str(folder)] for folder in (*kinds, inputs / "dataset")
    ]
    asked += [
        ["predict", *where, "--list", str(path)] for path in sorted((inputs / "lists").iterdir())
    ]
    for path in sorted((inputs / "videos").iterdir()):
        asked.append(["predict", *where, "--support", str(kinds[0]), str(path), "a dog"])
    for arguments in asked:
        shutil.rmtree(made / "out", ignore_errors=True)
        case = Case(0, arguments, inputs, made, "")
        assert nursery.run(case) == []
        assert "error" not in (made / "stderr").read_text(), arguments


@pytest.mark.parametrize("number", [*range(6), *FOUND])
def test_some_abuse(nursery: Nursery, corpus: Path, run: Path, tmp_path: Path, number: int) -> None:
    assert attempt(number, nursery, corpus, run, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, CASES, TOGETHER))
def test_much_abuse(nursery: Nursery, corpus: Path, run: Path, tmp_path: Path, first: int) -> None:
    numbers = range(first, first + TOGETHER)
    assert [f for n in numbers for f in attempt(n, nursery, corpus, run, tmp_path)] == []
