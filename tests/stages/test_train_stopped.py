"""Training that is killed, interrupted or fails: what it goes on from, and that it ends the same.

"The same" are the bytes of every weight, of the optimiser and of the journal, times apart.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from cache.whole import UnwritableError
from configs import Config, FsrvosError
from stages.runs.progress import load_progress
from stages.train import _Training, train
from tests.full_disk import files_up_to

ROOT = Path(__file__).parents[2]
STEPS = 12
PATIENCE = 900.0  # for what comes sooner unless something hangs
TIMED = ("steps_per_second", "wait_share", "step_seconds")

Fit = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def no_event_files() -> Iterator[None]:
    """As where tensorboard, which takes seconds to import, is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.runs.journal.find_spec", lambda name: None)
        yield


@pytest.fixture(scope="module")
def fit(tiny: Config, blocks_root: Path, blocks_cache: Path) -> Fit:
    """Train the blocks' fold 1; options of the training by name."""

    def run(folder: Path, cache: Path = blocks_cache, from_cache: bool = True, **options: Any):  # type: ignore[no-untyped-def]
        stated = {"steps": STEPS, "checkpoint_every": 3, "holdout_every": 4, "log_every": 2}
        config = replace(tiny, train=replace(tiny.train, **stated | options))
        return train(
            config=config,
            data_roots=[blocks_root],
            fold=1,
            run=folder,
            cache_root=cache,
            from_cache=from_cache,
        )

    return run


@pytest.fixture(scope="module")
def whole(fit: Fit, no_event_files: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped. Only read."""
    run = tmp_path_factory.mktemp("whole") / "run"
    fit(run)
    return run


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """sha256 of the tensors' bytes, by name."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def ended(run: Path) -> dict[str, Any]:
    """All that a run ends with, in a form in which equal runs are equal."""
    progress = load_progress(run / "checkpoints")
    assert progress is not None
    moments = progress["optimizer"]["state"]
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = run / "checkpoints/best.safetensors"
    return {
        "weights": digest(load_file(run / "model.safetensors")),
        "best": digest(load_file(best)) if best.exists() else "",
        "optimiser": digest(
            {f"{i}.{name}": t.reshape(-1) for i, s in moments.items() for name, t in s.items()}
        ),
        "random": digest(progress["random"]),
        "journal": [{k: v for k, v in line.items() if k not in TIMED} for line in lines],
        "files": sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()),
    }


def step_kept(run: Path) -> int:
    progress = load_progress(run / "checkpoints")
    return 0 if progress is None else int(progress["step"])


def at_step(step: int, happens: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    """Let something happen just before a step is learnt."""
    learn = _Training.learn

    def learn_then(self: _Training, batch: Any) -> Any:
        if self.step == step:
            happens()
        return learn(self, batch)

    patch.setattr(_Training, "learn", learn_then)


# ---- killed


def command(data: Path, cache: Path, run: Path, *pairs: str) -> list[str]:
    """The training of a fold on the tiny preset, in a process of its own."""
    stated = [word for pair in pairs for word in ("--set", pair)]
    line = [sys.executable, "-m", "fsrvos_cli", "train", "--from-cache", "--config", "tiny"]
    return [*line, "--data", str(data), "--cache-dir", str(cache), "--run", str(run), *stated]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


PAIRS = ("data.frames=3", "data.support_frames=2", "evaluate.support_frames=2")


def begun(process: subprocess.Popen[bytes], run: Path, step: int = 0) -> bool:
    """Wait until a run has a checkpoint beyond a step; False where it ended before."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        files = list((run / "checkpoints").glob("step-*.pt"))
        if any(int(path.stem[5:]) > step for path in files):
            return True
        assert time.monotonic() < end, "no checkpoint ever came"
        time.sleep(0.002)
    return False


def test_killed_and_gone_on_with_it_ends_with_the_same_bytes(
    fit: Fit, blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    run, same = tmp_path / "run", tmp_path / "same"
    options = {"steps": 60, "log_every": 7, "holdout_every": 20, "checkpoint_every": 4}
    pairs = (*PAIRS, *(f"train.{name}={value}" for name, value in options.items()))
    with subprocess.Popen(
        command(blocks_root, blocks_cache, run, *pairs), env=environment(), stderr=subprocess.PIPE
    ) as process:
        assert begun(process, run)
        process.kill()
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    assert process.returncode == -signal.SIGKILL and 0 < step_kept(run) < 60
    progress = load_progress(run / "checkpoints")
    assert progress is not None
    assert fit(run, **options).seconds > progress["seconds"] > 0  # all of the training's
    fit(same, **options)
    assert ended(run) == ended(same)


@pytest.mark.slow
def test_killed_at_ten_random_moments_it_ends_with_the_same_bytes(
    blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    steps, dice = 200, random.Random(20)
    pairs = (*PAIRS, f"train.steps={steps}", "train.checkpoint_every=5", "train.log_every=7")
    pairs = (*pairs, "train.holdout_every=30", "train.keep_checkpoints=3")
    run, kills, reached = tmp_path / "run", 0, list[int]()
    line = command(blocks_root, blocks_cache, run, *pairs)
    while kills < 10:
        with subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE) as process:
            # Some die before they go on, some while they learn, keep or look.
            if dice.random() < 0.8:
                begun(process, run, step_kept(run) + dice.randrange(8))
            time.sleep(dice.random() * 0.05)
            process.kill()
        if process.returncode != -signal.SIGKILL:
            break
        kills += 1
        reached.append(step_kept(run))
    sys.stdout.write(f"killed after steps {reached}\n")
    assert kills == 10 and reached[-1] < steps
    subprocess.run(line, env=environment(), check=True, timeout=PATIENCE)
    same = tmp_path / "same"
    subprocess.run(
        command(blocks_root, blocks_cache, same, *pairs),
        env=environment(),
        check=True,
        timeout=PATIENCE,
    )
    for folder in (run, same):
        shutil.rmtree(folder / "tensorboard")
    found, expected = ended(run), ended(same)
    hashes = {name: (found[name], expected[name]) for name in ("weights", "optimiser", "random")}
    sys.stdout.write(json.dumps(hashes, indent=1))
    assert found == expected


def test_a_truncated_newest_checkpoint_costs_the_steps_since_the_one_before(
    fit: Fit, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        at_step(8, lambda: os.kill(os.getpid(), signal.SIGINT), patch)
        with pytest.raises(KeyboardInterrupt):
            fit(run)
    newest = run / "checkpoints/step-00000009.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    capsys.readouterr()
    fit(run)
    said = capsys.readouterr().err.splitlines()
    assert f"{newest} is damaged; trying the one before, step-00000006.pt" in said
    assert "going on from step 6" in said
    assert ended(run) == ended(whole)


# ---- interrupted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_under_way(
    fit: Fit,
    whole: Path,
    tmp_path: Path,
    number: signal.Signals,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, before = tmp_path / "run", signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        at_step(4, lambda: os.kill(os.getpid(), number), patch)
        with pytest.raises(KeyboardInterrupt):
            fit(run)
    assert step_kept(run) == 5
    assert "saved step 5; the same command goes on from there" in capsys.readouterr().err
    assert signal.getsignal(number) is before
    fit(run)
    assert ended(run) == ended(whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_with_130(
    blocks_root: Path, blocks_cache: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    line = command(blocks_root, blocks_cache, run, *PAIRS, "train.steps=100000")
    line += ["--set", "train.checkpoint_every=3"]
    with subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE) as process:
        assert begun(process, run)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    saved, interrupted = [line for line in said.decode().splitlines() if line][-2:]
    assert saved == f"saved step {step_kept(run)}; the same command goes on from there"
    assert interrupted == "fsrvos: error: interrupted"


# ---- failing


def test_a_loss_that_is_not_finite_loses_nothing(fit: Fit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(FsrvosError, match=r"the loss is (nan|inf) at step \d+ and its gradient's"):
        fit(run, learning_rate=1e30, schedule="constant", clip_norm=1e30, checkpoint_every=1000)
    assert step_kept(run) >= 1
    assert not (run / "model.safetensors").exists()


def test_a_gradient_that_is_not_finite_moves_no_weight(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(math.inf))
    with pytest.raises(FsrvosError, match=r"at step 0 and its gradient's norm inf; lower"):
        fit(run)
    assert step_kept(run) == 0


def test_a_cache_that_vanishes_is_one_line_and_loses_nothing(
    fit: Fit, whole: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    run, cache, away = tmp_path / "run", tmp_path / "cache", tmp_path / "away"
    shutil.copytree(blocks_cache, cache)
    with pytest.MonkeyPatch.context() as patch:
        at_step(4, lambda: cache.rename(away), patch)
        with pytest.raises(FsrvosError) as caught:
            fit(run, cache, prefetch=1, checkpoint_every=1000)
    assert len(str(caught.value).splitlines()) == 1 and str(cache) in str(caught.value)
    assert step_kept(run) >= 5
    away.rename(cache)
    fit(run, cache, prefetch=1, checkpoint_every=1000)
    assert ended(run)["weights"] == ended(whole)["weights"]


def test_a_full_disk_is_one_line_and_keeps_the_checkpoint_before(
    fit: Fit, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    room = (whole / f"checkpoints/step-{STEPS:08d}.pt").stat().st_size // 2
    with pytest.MonkeyPatch.context() as patch:
        at_step(1, lambda: os.kill(os.getpid(), signal.SIGINT), patch)
        with pytest.raises(KeyboardInterrupt):
            fit(run)
    with files_up_to(room), pytest.raises(UnwritableError, match=r"step-0+3\.pt: cannot be writ"):
        fit(run)
    assert step_kept(run) == 2
    fit(run)
    assert ended(run)["weights"] == ended(whole)["weights"]


# ---- live


def test_live_training_is_repeatable_to_the_bit(fit: Fit, tmp_path: Path) -> None:
    """Whoever makes the batches, and interrupted."""
    torch.manual_seed(5)
    fit(tmp_path / "one", from_cache=False, steps=6)
    for number, loading in enumerate(({}, {"loader_threads": 3, "prefetch": 2})):
        torch.manual_seed(number)
        again = tmp_path / f"again{number}"
        with pytest.MonkeyPatch.context() as patch:
            at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM), patch)
            with pytest.raises(KeyboardInterrupt):
                fit(again, from_cache=False, steps=6, **loading)
        fit(again, from_cache=False, steps=6, **loading)
        assert ended(again)["weights"] == ended(tmp_path / "one")["weights"]
        assert ended(again)["journal"] == ended(tmp_path / "one")["journal"]
