"""metrics.jsonl: means between looks, and going on after an interruption."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from stages.model.prediction import Losses
from stages.runs.journal import Journal


class Board:
    """Stands in for TensorBoard's writer."""

    written: list[tuple[str, float, int]]

    def __init__(self, folder: str, purge_step: int | None) -> None:
        self.folder, self.purge_step, self.written, self.open = folder, purge_step, [], True

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.written.append((name, value, step))

    def close(self) -> None:
        self.open = False


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder where TensorBoard is not installed."""
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: None)
    return tmp_path / "run"


def losses(total: float, **terms: float) -> Losses:
    values = {name: torch.tensor(value) for name, value in terms.items()}
    return Losses(torch.tensor(total), values)


def lines(journal: Journal) -> list[dict[str, float]]:
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def test_a_line_holds_the_means_since_the_last_one(run: Path) -> None:
    journal = Journal(run, 0)
    journal.count(losses(1.0, loss_score=4.0))
    journal.count(losses(3.0, loss_score=2.0))
    journal.log(2, 1e-3, 0.25)
    journal.count(losses(5.0, loss_score=1.0))
    journal.log(3, 5e-4, 0.5)
    first, second = lines(journal)
    assert first.pop("steps_per_second") > 0 and second.pop("steps_per_second") > 0
    assert first == {"step": 2, "loss": 2.0, "loss_score": 3.0, "lr": 1e-3, "wait_share": 0.25}
    assert second == {"step": 3, "loss": 5.0, "loss_score": 1.0, "lr": 5e-4, "wait_share": 0.5}


def test_what_came_after_the_point_gone_on_from_is_dropped(run: Path) -> None:
    journal = Journal(run, 0)
    for step in (2, 4, 6):
        journal.note(step, loss=float(step))
    with journal.path.open("a") as file:
        file.write('{"step": 8, "lo')  # cut while it was written
    again = Journal(run, 4)
    again.note(6, loss=0.5)
    assert lines(again) == [
        {"step": 2, "loss": 2.0},
        {"step": 4, "loss": 4.0},
        {"step": 6, "loss": 0.5},
    ]
    assert lines(Journal(run, 0)) == []


def test_a_line_goes_on_where_its_checkpoint_was(run: Path) -> None:
    """Means over steps before and after it; what was written later is dropped to the byte."""
    journal = Journal(run, 0)
    journal.note(2, holdout_J=0.25)
    journal.count(losses(1.0))
    saved = journal.state()
    written = journal.path.read_bytes()
    journal.note(2, holdout_J=0.75)
    again = Journal(run, 2, saved)
    assert again.path.read_bytes() == written
    again.count(losses(4.0))
    again.log(4, 1e-3, 0.5)
    assert lines(again)[-1]["loss"] == 2.5


def test_event_files_get_the_same_values(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Board  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: object())
    journal = Journal(run, 0)
    journal.note(7, holdout_J=0.5)
    assert isinstance(journal.board, Board)
    assert journal.board.folder == str(run / "tensorboard")
    assert journal.board.written == [("holdout_J", 0.5, 7)]
    journal.close()
    assert not journal.board.open
    later = Journal(run, 7).board
    assert isinstance(later, Board) and later.purge_step == 8  # hides what came after
