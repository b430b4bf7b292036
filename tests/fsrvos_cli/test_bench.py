"""`fsrvos bench`: where the result goes and what is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsrvos_cli.main import cli, run
from stages.benchmark import runner


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runner, "rows_of", lambda section: lambda setting: {f"{section}_x": 2.0})
    monkeypatch.setattr(runner, "mm_seconds", lambda device: 0.125)
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))


def test_it_writes_bench_json_under_work_and_prints_the_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "--only", "train, head", "--rounds", "2"])
    assert done.exit_code == 0
    assert done.stdout.split() == [
        *["name", "figure", "target", "mm_seconds", "0.125"],
        "head_x",
        "2",
        "train_x",
        "2",
    ]
    made = json.loads((tmp_path / "work" / "bench.json").read_text())
    assert (made["head_x"], made["rounds"]) == (2.0, 2)
    out = tmp_path / "work" / "bench.json"
    assert made["command"] == (
        f"fsrvos bench --only train,head --out {out} --rounds 2 --device cpu"
    )


def test_json_is_the_same_as_the_file(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    done = CliRunner().invoke(cli, ["bench", "--only", "head", "--out", str(out), "--json"])
    assert json.loads(done.stdout) == json.loads(out.read_text())


def test_an_unknown_section_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--only", "nothing"]) == 2
    assert "no section 'nothing'; sections: encoder" in capsys.readouterr().err
