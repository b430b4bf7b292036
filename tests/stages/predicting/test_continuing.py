"""A prediction that ends early: what it leaves, and how it goes on. Real signals, real damage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fsrvos_cli.main import run as command_line
from stages.data.overlay import write_mask_png, write_png
from stages.data.video_writer import write_video
from stages.predicting.results import overlay as overlays
from tests.stages.error_lines import Captured, assert_one_line

LENGTH = 34
Frame = NDArray[np.uint8]


def pictures(length: int) -> list[Frame]:
    rng = np.random.default_rng(5)
    noise = rng.integers(60, 120, (64, 160, 3), dtype=np.uint8)
    frames = [np.ascontiguousarray(np.roll(noise, when, 1)[:, :96]) for when in range(length)]
    for when, frame in enumerate(frames):
        left = 6 + when % 60
        frame[20:44, left : left + 24] = (0, 255, 0)
    return frames


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", pictures(LENGTH), 25)
    return tmp_path / "clip.mp4"


@pytest.fixture
def line(clip: Path, untrained_run: Path, tmp_path: Path) -> list[str]:
    folder = tmp_path / "support"
    ids = np.zeros((64, 96), np.uint8)
    ids[20:44, 8:32] = 1
    write_png(folder / "a.png", pictures(3)[2])
    write_mask_png(folder / "masks/a.png", ids)
    line = ["predict", str(clip), "the ant", "--support", str(folder), "-o", str(tmp_path / "out")]
    line += ["--support-expression", "an ant", "--run", str(untrained_run), "--device", "cpu"]
    return [*line, "--soft", "--format", "coco"]


def interrupt_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the overlay of frame `number` is drawn."""
    drawn, calls = overlays.drawn, count()

    def call(*arguments: Any) -> Frame:
        if next(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return drawn(*arguments)

    monkeypatch.setattr(overlays, "drawn", call)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def scores(out: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((out / "scores.json").read_text())
    return read


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def assert_holds(out: Path, number: int) -> None:
    """Every result is of just so many frames."""
    for folder in ("masks", "soft", "coco/images"):
        assert len(list((out / folder).iterdir())) == number
    assert frames_of(out / "overlay.mp4") == number
    assert len(scores(out)["frames"]) == number
    assert len(json.loads((out / "coco/annotations.json").read_text())["images"]) == number


def test_ctrl_c_keeps_what_is_finished_and_it_goes_on(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(19, patch)
        assert command_line(line) == 130
    assert_one_line(capsys, f"interrupted after 20 frames; {out} holds them, and --continue goes")
    assert_holds(out, 20)
    said = scores(out)
    assert said["interrupted"] and said["shortfall"] == "interrupted after 20 frames"
    masks, soft = files(out / "masks"), files(out / "soft")
    for again in range(2):  # the second time there is nothing left to do, and nothing changes
        assert command_line([*line, "--continue"]) == 0
        assert_holds(out, LENGTH)
        now = scores(out)
        assert not now["interrupted"] and now["shortfall"] is None
        assert now["frames"][:20] == said["frames"] or again
        assert masks.items() <= files(out / "masks").items()
        assert soft.items() <= files(out / "soft").items()
    assert "--continue" not in now["provenance"]["command"]


def test_what_is_further_is_never_replaced_by_an_interrupted_one(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(9, patch)
        assert command_line(line) == 130
    before = files(out / "masks")
    for extra in ([], ["--continue"]):
        with monkeypatch.context() as patch:
            interrupt_at(4, patch)
            assert command_line([*line, *extra]) == 130
        assert files(out / "masks") == before
    with monkeypatch.context() as patch:
        interrupt_at(14, patch)
        assert command_line([*line, "--continue"]) == 130
    assert_holds(out, 15)
    assert command_line([*line, "--continue", "--seed", "4"]) == 2
    capsys.readouterr()
    assert command_line([*line, "--continue", "--stride", "2"]) == 2
    assert_one_line(capsys, "was not made with these options, or with --multi, and cannot go on")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_damage_keeps_what_comes_before_and_a_mended_file_goes_on(
    line: list[str], clip: Path, tmp_path: Path, capsys: Captured
) -> None:
    whole = clip.read_bytes()
    middle = whole.find(b"mdat") + (len(whole) - whole.find(b"mdat")) * 2 // 3
    clip.write_bytes(whole[:middle] + b"\xff" * 9_000 + whole[middle + 9_000 :])
    out = tmp_path / "out"
    assert command_line(line) == 5
    said, error = capsys.readouterr()
    kept = len(list((out / "masks").iterdir()))
    assert 5 < kept < LENGTH and f"of {kept} frames" in said
    assert "damaged after frame" in error and "\n" not in error.strip().splitlines()[-1]
    assert_holds(out, kept)
    assert scores(out)["shortfall"] in error and not scores(out)["interrupted"]
    masks = files(out / "masks")
    clip.write_bytes(whole)
    assert command_line([*line, "--continue"]) == 0
    assert_holds(out, LENGTH)
    last = f"{kept - 1:05d}.png"
    assert {n: m for n, m in masks.items() if n != last}.items() <= files(out / "masks").items()


@pytest.mark.slow
def test_a_process_that_is_interrupted(line: list[str], clip: Path, tmp_path: Path) -> None:
    write_video(clip, pictures(600), 25)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "fsrvos_cli", *line]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob(".out.*/masks/0001*.png")):
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr is not None
        error = process.stderr.read()
        assert process.wait() == 130
    kept = len(list((out / "masks").iterdir()))
    assert 10 <= kept < 600 and f"interrupted after {kept} frames" in error
    assert_holds(out, kept)
    masks = files(out / "masks")
    assert subprocess.run([*command, "--continue"], check=False).returncode == 0
    assert_holds(out, 600)
    assert masks.items() <= files(out / "masks").items()
