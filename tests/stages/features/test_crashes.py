"""kill -9 at any moment, and several extractions at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VIDEOS, FRAMES = 8, 3


def run(*arguments: object) -> str:
    script = Path(__file__).with_name("crashing.py")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("rounds", "layout"),
    [
        (10, "chunks"),
        pytest.param(50, "chunks", marks=SLOW),
        pytest.param(20, "shards", marks=SLOW),
    ],
)
def test_killed_at_random_moments_it_resumes_and_never_lies(
    shared_data: Path, tmp_path: Path, rounds: int, layout: str
) -> None:
    partly = int(run("kill", shared_data, tmp_path, rounds, rounds, layout))
    # Otherwise the moments missed the work, and nothing was tested.
    assert partly >= rounds // 10


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_work(shared_data: Path, tmp_path: Path, processes: int) -> None:
    frames = [int(line) for line in run("race", shared_data, tmp_path, processes).split()]
    assert len(frames) == processes
    # Nothing twice: a claimed video is waited for, not done again.
    assert sum(frames) == VIDEOS * FRAMES


@pytest.mark.slow
def test_killed_uploads_are_never_read_and_resumed(
    shared_data: Path, tmp_path: Path, s3: str
) -> None:
    # Otherwise the moments missed the work, and nothing was tested.
    assert int(run("objects", shared_data, tmp_path, 4, 1, s3)) >= 1
