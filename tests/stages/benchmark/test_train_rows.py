"""The section `train`: real trainings of the tiny preset, and what is made of their reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs import Config
from stages.benchmark import train_rows
from stages.benchmark.setting import Setting
from stages.runs.training import TrainReport


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(device="cpu", rounds=9, threads=1, work=tmp_path)


def test_the_section_gives_the_names_it_promises(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_rows, "MOST_TURNS", 1)
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: None)
    rows = train_rows.rows(setting, "tiny", videos=3, steps=3)
    assert rows.keys() == {"wait_share", "live_over_cached"}
    assert 0 < rows["wait_share"] < 1
    assert rows["live_over_cached"] > 0
    runs = sorted(path.parent.name for path in (setting.work / "train").glob("*/config.toml"))
    assert runs == ["cached-2-0", "cached-3-0", "live-3-0"]


def test_trainings_take_turns_and_their_medians_are_compared(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    speeds = iter([0.1, 8.0, 2.0, 10.0, 1.0, 6.0, 5.0])  # warm-up, then cached and live in turn
    waits = iter([0.9, 0.03, 0.0, 0.01, 0.0, 0.02, 0.0])

    def train(*, config: Config, from_cache: bool, seed: int, **told: object) -> TrainReport:
        calls.append((config.train.steps, from_cache, seed))
        return TrainReport("", config.train.steps, 1, 1.0, next(speeds), next(waits), 0.0)

    monkeypatch.setattr(train_rows, "train", train)
    monkeypatch.setattr(train_rows, "extract", lambda **told: None)
    monkeypatch.setattr(train_rows, "render_sample", lambda *told, **named: None)
    rows = train_rows.rows(setting, "tiny")
    assert rows == {"wait_share": 0.02, "live_over_cached": 8.0 / 2.0}
    turns = [(24, way, seed) for seed in range(3) for way in (True, False)]
    assert calls == [(2, True, 0), *turns]
