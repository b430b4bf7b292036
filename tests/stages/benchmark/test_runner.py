"""The runner: which sections, one table, one flat file, and what becomes of the work folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from configs import FsrvosError, UsageError
from stages.benchmark import SECTIONS, runner
from stages.benchmark.runner import BenchReport, run_benchmark
from stages.benchmark.setting import Setting
from stages.benchmark.targets import TARGETS

FIGURES = {
    "head": {"step_mm.192x320": 61.0, "step_gb.192x320": 2.5},
    "train": {"wait_share": 0.01, "live_over_cached": 7.0},
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """Stand-in sections that leave a file behind; the settings they were given, in order."""
    settings = list[Setting]()

    def rows_of(section: str) -> Callable[[Setting], dict[str, float]]:
        def rows(setting: Setting) -> dict[str, float]:
            assert list(setting.work.iterdir()) == ([] if not settings else [setting.work / "left"])
            (setting.work / "left").touch()
            setting.note(f"{setting.rounds} rounds")
            settings.append(setting)
            return FIGURES.get(section, {f"{section}_figure": 1.0})

        return rows

    monkeypatch.setattr(runner, "rows_of", rows_of)
    monkeypatch.setattr(runner, "mm_seconds", lambda device: 0.125)
    return settings


def test_the_file_says_what_made_its_figures(ran: list[Setting], tmp_path: Path) -> None:
    out = tmp_path / "new" / "bench.json"
    run_benchmark(
        names=["train", "head"], out=out, rounds=3, command="fsrvos bench --only train,head"
    )
    made = json.loads(out.read_text())
    figures = {"mm_seconds": 0.125, **FIGURES["head"], **FIGURES["train"]}
    assert {name: made[name] for name in figures} == figures
    # Sections run in their own order, whatever the order they are named in.
    assert [name for name in made if name in figures] == list(figures)
    assert made["command"] == "fsrvos bench --only train,head"
    assert made["device"] == "cpu"
    assert made["rounds"] == 3
    assert made["threads"] >= 1
    assert {"torch", "python"} <= made["versions"].keys()
    assert made["notes"] == ["3 rounds"]
    assert list(out.parent.iterdir()) == [out]


def test_all_sections_run_where_none_is_named(ran: list[Setting], tmp_path: Path) -> None:
    report = run_benchmark(names=[], out=tmp_path / "bench.json")
    assert len(ran) == len(SECTIONS)
    assert report.figures["encoder_figure"] == report.figures["score_figure"] == 1.0


def test_an_unknown_section_is_wrong_usage_before_any_work(
    ran: list[Setting], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no section 'heads'; sections: encoder, cache, head,"):
        run_benchmark(names=["head", "heads"], out=tmp_path / "bench.json")
    assert ran == []
    assert list(tmp_path.iterdir()) == []


def test_a_section_that_fails_leaves_the_last_file_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(setting: Setting) -> dict[str, float]:
        (setting.work / "large").touch()
        raise FsrvosError("no")

    monkeypatch.setattr(runner, "rows_of", lambda section: fail)
    monkeypatch.setattr(runner, "mm_seconds", lambda device: 0.125)
    out = tmp_path / "bench.json"
    out.write_text("before")
    with pytest.raises(FsrvosError, match="no"):
        run_benchmark(names=["head"], out=out)
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_the_table_shows_figures_beside_targets_and_then_modules() -> None:
    figures = {
        "mm_seconds": 0.12345,
        "step_mm.192x320": 61.0,
        "wait_share": 0.05,
        "bytes_per_frame.fp16": 13_900_000.0,
        "modules.192x320.encoder.forward_share": 0.25,
        "modules.192x320.encoder.saved_gb": 1.5,
        "modules.192x320.losses.forward_share": 0.01,
    }
    assert BenchReport(figures, {}, ["Weights are random."]).table().splitlines() == [
        "name                  figure    target",
        "mm_seconds            0.123",
        "step_mm.192x320       61        <= 60    missed",
        "wait_share            0.05      <= 0.05  met",
        "bytes_per_frame.fp16  13900000",
        "",
        "192x320  forward_share  saved_gb",
        "encoder  0.25           1.5",
        "losses   0.01",
        "",
        "Weights are random.",
    ]


@pytest.mark.parametrize(
    ("name", "figure", "met"),
    [
        ("encoder_speedup", 1.8, True),
        ("encoder_speedup", 1.79, False),
        ("step_gb.384x640", 8.0, True),
        ("step_gb.384x640", 8.01, False),
    ],
)
def test_a_target_bounds_from_its_own_side(name: str, figure: float, met: bool) -> None:
    assert TARGETS[name].met(figure) is met
