"""`fsrvos data`: the sample dataset is rendered once, and checked like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsrvos_cli.main import run
from stages.data.sample.generator import VERSION


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A folder that says it is the sample dataset with 3 videos a category."""
    out = tmp_path / "sample"
    out.mkdir()
    (out / "sample.json").write_text(
        json.dumps({"version": VERSION, "videos_per_category": 3, "seed": 0})
    )
    return out


def test_what_is_rendered_is_left_alone(rendered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(rendered.iterdir())
    assert run(["data", "sample", str(rendered), "--videos", "3"]) == 0
    assert "rendered already" in capsys.readouterr().err
    assert sorted(rendered.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--videos", "4"], "videos_per_category 3, not 4"),
        (["--videos", "3", "--seed", "1"], "seed 0, not 1"),
    ],
)
def test_another_dataset_is_not_overwritten(
    rendered: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(["data", "sample", str(rendered), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_of_other_things_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").touch()
    assert run(["data", "sample", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_check_lists_faults_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out.strip()
    assert str(tmp_path) in err
    assert run(["data", "check", str(tmp_path / "none")]) == 4


def test_a_support_folder_is_checked_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    folder = tmp_path / "dogs"
    folder.mkdir()
    Image.new("RGB", (64, 48), (90, 20, 20)).save(folder / "a.jpg")
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 10:30] = 255
    Image.fromarray(mask).save(folder / "a.png")
    assert run(["data", "check", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert "support.toml: no such file" in out and "dogs has 1 fault" in err
    assert run(["data", "check", str(folder), "--support-expression", "a dog"]) == 0
    out, err = capsys.readouterr()
    sheet = tmp_path / "work" / "check" / "dogs.png"
    assert out == "" and f"what was understood is drawn in {sheet}" in err
    assert f"{folder}: read as masks as images" in err and sheet.stat().st_size > 1000
    own = tmp_path / "my.png"
    line = ["data", "check", str(folder), "--support-expression", "a dog", "--sheet", str(own)]
    assert run([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["sheet"]) == ("support", str(own)) and own.exists()
