"""Checkpoints of a training: the last few, whole or absent, and none that was changed is taken."""

import os
import socket
from pathlib import Path

import pytest
import torch

from configs import DataError
from stages.runs.progress import load_progress, save_progress
from tests.full_disk import refusal

BEFORE, LAST = "step-00000003.pt", "step-00000004.pt"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def saved(folder: Path, *steps: int, keep: int = 2) -> Path:
    for step in steps:
        save_progress(folder, {"step": step, "model": {"weight": torch.arange(4.0) + step}}, keep)
    return folder


def step_of(folder: Path) -> int:
    found = load_progress(folder)
    assert found is not None
    assert torch.equal(found["model"]["weight"], torch.arange(4.0) + found["step"])
    return int(found["step"])


def test_progress_comes_back_equal(tmp_path: Path) -> None:
    folder = tmp_path / "run/checkpoints"
    assert load_progress(folder) is None
    save_progress(folder, {"step": 3, "identity": {"fold": 1}, "random": torch.arange(9)}, 2)
    found = load_progress(folder)
    assert found is not None and found.keys() == {"step", "identity", "random"}
    assert (found["step"], found["identity"]) == (3, {"fold": 1})
    assert torch.equal(found["random"], torch.arange(9))


@pytest.mark.parametrize(
    ("keep", "left"), [(1, [LAST]), (2, [BEFORE, LAST]), (9, ["step-00000002.pt", BEFORE, LAST])]
)
def test_the_last_ones_are_kept(tmp_path: Path, keep: int, left: list[str]) -> None:
    saved(tmp_path, 2, 3, 4, 4, keep=keep)
    assert names(tmp_path) == left
    assert step_of(tmp_path) == 4


@pytest.mark.parametrize("harm", ["cut", "empty", "text", "a bit", "all but the seal"])
def test_a_damaged_one_is_named_and_the_one_before_is_taken(
    tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, 3, 4) / LAST
    content = bytearray(path.read_bytes())
    if harm == "a bit":
        place = content.index(torch.arange(4.0).add(4).numpy().tobytes())
        content[place + 3] ^= 1
    harmed = {
        "cut": content[:-1],
        "empty": b"",
        "text": b"no checkpoint",
        "a bit": content,
        "all but the seal": content[-32:],
    }
    path.write_bytes(harmed[harm])
    assert step_of(tmp_path) == 3
    said = capsys.readouterr().err
    assert said == f"{path} is damaged; trying the one before, {BEFORE}\n"


class Command:
    """What a pickle of it would run when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize("content", ["cut", "empty", "text", "code", "a list"])
def test_damaged_progress_is_one_line_and_runs_nothing(
    tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of earlier versions, which had no seal."""
    path = tmp_path / "last.pt"
    torch.save({"step": 3}, path)
    if content == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif content in ("empty", "text"):
        path.write_text("" if content == "empty" else "no checkpoint")
    else:
        torch.save(Command() if content == "code" else [1, 2], path)
    called: list[str] = []
    monkeypatch.setattr(os, "system", called.append)
    with pytest.raises(DataError, match=r"last\.pt is damaged; remove .* to train from") as caught:
        load_progress(tmp_path)
    assert "\n" not in str(caught.value)
    assert called == []


def test_progress_of_earlier_versions_is_read_and_makes_room(tmp_path: Path) -> None:
    torch.save({"step": 3, "model": {"weight": torch.arange(4.0) + 3}}, tmp_path / "last.pt")
    assert step_of(tmp_path) == 3
    assert names(saved(tmp_path, 4, 5)) == [LAST, "step-00000005.pt"]


def test_progress_that_cannot_be_written_keeps_the_former(tmp_path: Path) -> None:
    saved(tmp_path, 2, 3)
    said = refusal(lambda: saved(tmp_path, 4), 500)
    assert f"{LAST}: cannot be written (No space left" in said
    assert step_of(tmp_path) == 3
    assert names(tmp_path) == ["step-00000002.pt", BEFORE]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    host = "".join(c for c in socket.gethostname() if c.isalnum() or c == "-")
    gone = tmp_path / f".{LAST}.{host}.4194304.0123abcd"  # beyond any process id
    mine = tmp_path / f".{LAST}.{host}.{os.getpid()}.0123abcd"
    for left in (gone, mine):
        left.touch()
    saved(tmp_path, 4)
    assert names(tmp_path) == sorted([mine.name, LAST])
