"""Ray: a real one of a single CPU, started by the test, and what may be wrong with one."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from configs import Config, MissingError, UsageError
from stages.extraction.clusters import Cluster
from stages.extraction.clusters.backends import connect
from stages.extraction.clusters.cluster import WorkersGoneError
from stages.features import extract

pytestmark = pytest.mark.slow
FRAMES = 12 * 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Ray that this process is connected to, as long as the tests of this file run."""
    ray = pytest.importorskip("ray", reason="make test-slow installs it")
    # Sockets lie there, and their names may not be long.
    folder = tmp_path_factory.mktemp("r")
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=80_000_000,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=str(folder),
    )
    yield Cluster("ray", device="cpu")
    ray.shutdown()


def negative(bundle: int) -> int:
    return -bundle


def die(bundle: int) -> None:
    os._exit(bundle)


def test_ray_makes_the_bytes_of_a_local_extraction(
    cluster: Cluster,
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    """On one worker, too."""
    report = extract(
        config=tiny, data_root=blocks_root, fold=1, cache_root=tmp_path, cluster=cluster
    )
    assert report.frames == FRAMES
    assert read_all(tmp_path) == read_all(blocks_cache)


def test_an_error_of_the_work_arrives_as_it_is(
    cluster: Cluster, tiny: Config, blocks_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="^there is no mps device") as caught:
        extract(
            config=tiny,
            data_root=blocks_root,
            fold=1,
            cache_root=tmp_path,
            cluster=Cluster("ray", device="mps"),
        )
    assert type(caught.value) is UsageError and len(str(caught.value).splitlines()) == 1


def test_a_cluster_without_this_program_is_one_line(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its function is sent by name, from a module that only this process has."""
    here = ModuleType("only_here")
    exec("def work(bundle): return bundle", here.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", here)
    line = "cannot run what it is sent: ModuleNotFoundError: No module named 'only_here'; install"
    with pytest.raises(MissingError, match=line), connect(cluster) as connection:
        list(connection.run(here.__dict__["work"], [1, 2]))


def test_a_worker_that_always_dies_is_lost(cluster: Cluster) -> None:
    with connect(cluster) as connection:
        with pytest.raises(connection.lost):
            list(connection.run(die, [1]))
        assert list(connection.run(negative, [-3])) == [3]


def test_tasks_that_nobody_will_do_fail(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.extraction.clusters import ray_backend

    monkeypatch.setattr(ray_backend, "WORKERLESS_SECONDS", 0.0)
    monkeypatch.setattr(ray_backend, "_POLL_SECONDS", 0.05)
    # This Ray has none, so that Ray waits for a machine with one.
    with pytest.raises(WorkersGoneError, match="no worker for 0 s"):
        list(ray_backend.run_on({"num_cpus": 1, "num_gpus": 1}, negative, [1]))


def test_what_is_left_is_not_sent(cluster: Cluster, tmp_path: Path) -> None:
    """One worker is at the second bundle by the time the first is done, at the most."""
    files = [tmp_path / str(number) for number in range(12)]
    with connect(cluster) as connection:
        results = connection.run(Path.touch, files)
        next(results)
        results.close()
        assert list(connection.run(negative, [-3])) == [3]
    assert 1 <= len(list(tmp_path.iterdir())) <= 2
