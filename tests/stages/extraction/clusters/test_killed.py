"""Real clusters of processes, kill -9 of one of them midway, and Ctrl-C."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cache.prune import prune
from cache.verify import verify
from stages.data.overlay import write_mask_png, write_png

ROOT = Path(__file__).parents[4]
# Of anything that a test waits for; only a hang takes that long.
PATIENCE = 240.0
# One frame a batch, so that there is time to kill something midway.
SLOW = ("--set", "features.batch_frames=1")

pytestmark = pytest.mark.slow


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@contextmanager
def started(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, which is ended with the context."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment(), start_new_session=True
        )
        try:
            yield process
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(20)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def wait_for(what: str, told: Callable[[], object], log: Path | None = None) -> None:
    """Wait until `told()`; what it is and the log, where it never comes."""
    end = time.monotonic() + PATIENCE
    while not told():
        words = log.read_text()[-3000:] if log else ""
        assert time.monotonic() < end, f"{what} never came: {words}"
        time.sleep(0.005)


def features(data: Path, cache: Path, *options: str) -> list[str]:
    """The command line that fills a cache."""
    command = [sys.executable, "-m", "fsrvos_cli", "features", "--config", "tiny", *SLOW]
    return [*command, "--data", str(data), "--cache-dir", str(cache), *options]


def items(cache: Path) -> list[Path]:
    return list(cache.glob("*/items/*/done.json"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of forty videos of noise, so that much is left at any moment."""
    root = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    names = [f"{frame:05d}" for frame in range(6)]
    videos = [f"v{number:02d}" for number in range(40)]
    for video in videos:
        for name in names:
            noise = rng.integers(0, 256, (64, 96, 3), np.uint8)
            write_png(root / f"train/JPEGImages/{video}/{name}.png", noise)
            write_mask_png(root / f"train/Annotations/{video}/{name}.png", noise[..., 0] // 128)
    meta = {"videos": {video: {"objects": {"1": {"category": "ant"}}} for video in videos}}
    (root / "train/meta.json").write_text(json.dumps(meta))
    said = {"expressions": {"0": {"exp": "the ant", "obj_id": "1"}}, "frames": names}
    (root / "meta_expressions/train").mkdir(parents=True)
    words = json.dumps({"videos": dict.fromkeys(videos, said)})
    (root / "meta_expressions/train/meta_expressions.json").write_text(words)
    (root / "classes.json").write_text(json.dumps(["ant", "bee", "cat", "dog"]))
    return root


@pytest.fixture(scope="module")
def expected(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a local extraction."""
    cache = tmp_path_factory.mktemp("local")
    subprocess.run(features(many, cache), env=environment(), check=True, timeout=PATIENCE)
    return cache


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers: its address and the workers' processes."""
    place = tmp_path / "scheduler.json"
    tool = (sys.executable, "-m", "distributed.cli.dask_")
    common = ("--scheduler-file", str(place), "--no-dashboard")
    here = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0")
    single = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
    logs = [tmp_path / f"{name}.log" for name in ("scheduler", "one", "two")]
    with started(*tool[:2], f"{tool[2]}scheduler", *common, *here, log=logs[0]):
        wait_for("the scheduler", lambda: place.exists() and place.read_text(), logs[0])
        worker = (*tool[:2], f"{tool[2]}worker", *common, *single)
        with started(*worker, log=logs[1]) as one, started(*worker, log=logs[2]) as two:
            for log in logs[1:]:
                wait_for("a worker", partial(_says, log, "Registered to"), log)
            yield json.loads(place.read_text())["address"], [one, two]


def _says(log: Path, words: str) -> bool:
    return words in log.read_text()


def check(cache: Path, expected: Path, read_all: Callable[[Path], dict[str, bytes]]) -> None:
    """The cache is whole and equal, and prune leaves nothing that a killed process left."""
    assert read_all(cache) == read_all(expected)
    assert verify(cache, deep=True).faults == ()
    prune(cache)
    assert not [path for name in ("tmp", "claims") for path in cache.glob(f"*/{name}/*")]


def extract_while(
    happens: Callable[[], object], command: Sequence[str], cache: Path, expected: Path, log: Path
) -> None:
    """Extract to the end, with something that happens after the first item and before the last."""
    with started(*command, log=log) as driver:
        wait_for("the first item", lambda: items(cache) or driver.poll() is not None, log)
        happens()
        there = len(items(cache))
        assert driver.wait(PATIENCE) == 0, log.read_text()
    assert 0 < there < len(items(expected))


def test_dask_finishes_when_a_worker_is_killed(
    dask: tuple[str, list[subprocess.Popen[bytes]]],
    many: Path,
    expected: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    address, (one, _) = dask
    cache = tmp_path / "cache"
    command = features(many, cache, "--backend", "dask", "--address", address)
    extract_while(one.kill, command, cache, expected, tmp_path / "features.log")
    check(cache, expected, read_all)


@pytest.fixture
def ray(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """A Ray of two CPUs on this machine: its address, and its folder."""
    pytest.importorskip("ray", reason="make test-slow installs it")
    # Sockets lie there, and their names may not be long.
    folder = tmp_path_factory.mktemp("r")
    log, token = folder / "ray.log", folder / "token"
    # Its own, so that nothing is made in, or taken from, the home folder of whoever tests.
    token.write_text(secrets.token_hex(32))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    # Otherwise the workers run at the least priority, and starve where a machine is busy.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    place = ("--node-ip-address", "127.0.0.1", "--port", "0", "--temp-dir", str(folder))
    size = ("--num-cpus", "2", "--object-store-memory", "80000000")
    quiet = ("--include-dashboard", "false", "--disable-usage-stats", "--block")
    command = (sys.executable, "-m", "ray.scripts.scripts", "start", "--head", *place, *size)
    with started(*command, *quiet, log=log):
        address = folder / "ray_current_cluster"
        wait_for("Ray", lambda: address.exists() and _says(log, "To connect to this Ray"), log)
        yield address.read_text().strip(), folder


def working(folder: Path) -> list[int]:
    """Process ids of the workers of one Ray that are at a bundle."""
    import psutil

    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if words.startswith("ray::deliver"):
            parents = [" ".join(parent.cmdline()) for parent in process.parents()]
            if any(str(folder) in parent for parent in parents):
                found.append(process.pid)
    return found


def test_ray_finishes_when_a_worker_is_killed(
    ray: tuple[str, Path],
    many: Path,
    expected: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    address, folder = ray
    cache, log = tmp_path / "cache", tmp_path / "features.log"
    command = features(many, cache, "--backend", "ray", "--address", address)

    def kill_one() -> None:
        wait_for("two busy workers", lambda: len(working(folder)) == 2, log)
        workers = working(folder)
        os.kill(workers[0], signal.SIGKILL)

    extract_while(kill_one, command, cache, expected, log)
    check(cache, expected, read_all)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_ctrl_c_leaves_nothing_half_written(
    backend: str,
    request: pytest.FixtureRequest,
    many: Path,
    expected: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    address, _ = request.getfixturevalue(backend)
    cache, log = tmp_path / "cache", tmp_path / "features.log"
    command = features(many, cache, "--backend", backend, "--address", address)
    with started(*command, log=log) as driver:
        wait_for("the first item", lambda: items(cache) or driver.poll() is not None, log)
        driver.send_signal(signal.SIGINT)
        assert driver.wait(PATIENCE) == 130, log.read_text()
    assert log.read_text().splitlines()[-1] == "fsrvos: error: interrupted"
    there = len(items(cache))
    assert 0 < there < len(items(expected))
    assert verify(cache, deep=True).faults == ()
    again = subprocess.run(command, env=environment(), timeout=PATIENCE, check=False)
    assert again.returncode == 0
    check(cache, expected, read_all)
