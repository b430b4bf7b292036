"""`fsrvos data build photo-clips`: options reach the builder, what is left out is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from fsrvos_cli.main import run


def _sources() -> ModuleType:
    """The small photographs of the builder's own tests."""
    path = Path(__file__).parents[1] / "stages/data/photo_clips/conftest.py"
    spec = importlib.util.spec_from_file_location("photograph_sources", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = _sources().write_coco(tmp_path_factory.mktemp("source") / "coco")
    assert isinstance(root, Path)
    return root


SMALL = ["--clips-per-kind", "2", "--frames", "2", "--longer-side", "140", "--jobs", "1"]


def test_a_dataset_and_its_sheet(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "list.txt"
    pictures.write_text("1\n2  # the blue one\n\n3\n5\n")
    out, sheet = tmp_path / "set", tmp_path / "sheet.png"
    words = ["--pictures", str(pictures), "--exclude-kinds", "kite, chair", "--sheet", str(sheet)]
    arguments = ["data", "build", "photo-clips", str(source), str(out), *SMALL, "--json"]
    # The list holds neither a kite nor a chair, so neither can be left out.
    assert run([*arguments, *words]) == 2
    assert "'chair'" in capsys.readouterr().err
    del words[2:4]
    assert run([*arguments, *words]) == 0
    printed, said = capsys.readouterr()
    report = json.loads(printed)
    assert report["per_category"] == {"ball": report["videos"]}
    assert "kind 'hot pot' left out" in said
    assert sheet.exists()
    assert run(["data", "check", str(out)]) == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--licences", "4,x"], 2, "list of numbers"),
        (["--licences", "7"], 2, "no photograph is left"),
        (["--pictures", "absent.txt"], 2, "cannot be read"),
    ],
)
def test_options_that_are_wrong(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    words: str,
) -> None:
    out = tmp_path / "set"
    assert run(["data", "build", "photo-clips", str(source), str(out), *SMALL, *options]) == code
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_sheet_that_exists_is_not_overwritten(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.touch()
    arguments = ["data", "build", "photo-clips", str(source), str(tmp_path / "set")]
    assert run([*arguments, *SMALL, "--sheet", str(sheet)]) == 2
    assert "exists already" in capsys.readouterr().err
