"""Dask: a real scheduler with two workers in this process, and what may be wrong with one."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from distributed import Client, LocalCluster

import stages.extraction.clusters.cluster
import stages.extraction.clusters.dask_backend
from cache import FeatureStore
from cache.inventory import list_keys
from configs import Config, FsrvosError, MissingError, UsageError
from stages.extraction.clusters import Cluster
from stages.extraction.clusters.backends import connect
from stages.extraction.clusters.cluster import WorkersGoneError
from stages.extraction.clusters.dask_backend import run_on
from stages.features import extract

FRAMES = 12 * 6


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of two workers, one thread each."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=":0",
    ) as cluster:
        yield cluster.scheduler_address


def test_dask_makes_the_bytes_of_a_local_extraction(
    scheduler: str,
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    cluster = Cluster("dask", scheduler, "cpu")
    report = extract(
        config=tiny, data_root=blocks_root, fold=1, cache_root=tmp_path, cluster=cluster
    )
    assert report.frames == FRAMES
    assert read_all(tmp_path) == read_all(blocks_cache)


@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_workers_fill_a_bucket(
    scheduler: str,
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    s3: str,
    layout: str,
) -> None:
    """Every frame that two workers put there is what a local extraction wrote to a disk."""
    cluster = Cluster("dask", scheduler, "cpu")
    report = extract(
        config=tiny, data_root=blocks_root, fold=1, cache_root=s3, layout=layout, cluster=cluster
    )
    assert report.frames == FRAMES
    (key,) = [entry for entry in list_keys(blocks_cache) if entry.kind == "features"]
    local = key.feature_store()
    remote = FeatureStore(s3, local.key)
    assert list(remote.items()) == list(local.items())
    for item in local.items():
        frames = range(local.record(item).frames)
        for found, expected in zip(
            remote.read(item, frames), local.read(item, frames), strict=True
        ):
            np.testing.assert_array_equal(found.values, expected.values)
            np.testing.assert_array_equal(found.scale, expected.scale)
            np.testing.assert_array_equal(found.offset, expected.offset)
        assert remote.faults(item, deep=True) == []


def test_an_error_of_the_work_arrives_as_it_is(
    scheduler: str, tiny: Config, blocks_root: Path, tmp_path: Path
) -> None:
    """The workers of this test write elsewhere: a device that they lack is an error there."""
    cluster = Cluster("dask", scheduler, "mps")
    with pytest.raises(UsageError, match="there is no mps device"):
        extract(config=tiny, data_root=blocks_root, fold=1, cache_root=tmp_path, cluster=cluster)
    assert not list(tmp_path.glob("*/items/*"))


@pytest.fixture
def client(scheduler: str) -> Iterator[Client]:
    with Client(scheduler, set_as_default=False) as client:
        yield client


class Unreadable:
    """Arrives nowhere: an error that Dask sees before the task does."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return _fail, ("no such module on the worker",)


# Set when the workers, which are threads of this process, need not wait any more.
_ENOUGH = threading.Event()


def _wait(_: int) -> None:
    _ENOUGH.wait(60)


def _fail(words: str) -> None:
    raise ModuleNotFoundError(words)


def test_a_task_that_dask_gives_up_fails(client: Client) -> None:
    with pytest.raises((ImportError, RuntimeError), match="no such module|deserialization"):
        list(run_on(client, id, [Unreadable(), Unreadable()]))


def test_a_cluster_without_this_program_is_one_line(scheduler: str) -> None:
    line = f"the Dask cluster at {scheduler} cannot run what it is sent: .*; install the same"
    with (
        pytest.raises(MissingError, match=line),
        connect(Cluster("dask", scheduler)) as connection,
    ):
        list(connection.run(id, [Unreadable(), Unreadable()]))


def test_tasks_that_nobody_will_do_fail(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers have gone, and Dask would wait for others."""
    monkeypatch.setattr(stages.extraction.clusters.dask_backend, "WORKERLESS_SECONDS", 0.0)
    monkeypatch.setattr(stages.extraction.clusters.dask_backend, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(client, "scheduler_info", lambda: {"workers": {}})
    try:
        with pytest.raises(WorkersGoneError, match="no worker for 0 s"):
            list(run_on(client, _wait, [0, 1]))
    finally:
        _ENOUGH.set()


def test_what_is_left_is_called_off(client: Client) -> None:
    results = run_on(client, abs, [-2, 1])
    assert next(results) in (1, 2)
    results.close()
    assert sorted(run_on(client, abs, [-2, 1])) == [1, 2]


def test_a_cluster_without_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages.extraction.clusters.dask_backend, "CONNECT_SECONDS", 0.3)
    with (
        LocalCluster(
            n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
        ) as empty,
        pytest.raises(FsrvosError, match="the Dask cluster at .* has no workers; start some"),
        connect(Cluster("dask", empty.scheduler_address)),
    ):
        pass


def test_nothing_there_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    line = f"no Dask cluster at {address} answers: .*refused"
    with pytest.raises(FsrvosError, match=line), connect(Cluster("dask", address)):
        pass


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_something_else_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, backend: Literal["dask", "ray"]
) -> None:
    """Whatever listens and says nothing is waited for so long, and not longer."""
    if backend == "ray":
        pytest.importorskip("ray", reason="make test-slow installs it")
    monkeypatch.setattr(stages.extraction.clusters.cluster, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        line = f"no {backend.capitalize()} cluster at {address} answers: timed out; is it running"
        with pytest.raises(FsrvosError, match=line), connect(Cluster(backend, address)):
            pass


@pytest.mark.parametrize("address", ["", "somewhere", "tcp://host", ":8786"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="--address"), connect(Cluster("dask", address)):
        pass


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_missing_package_says_which_extra(
    monkeypatch: pytest.MonkeyPatch, backend: Any, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"stages.extraction.clusters.{backend}_backend", raising=False)
    line = rf"--backend {backend} needs the package {package}; run pip install 'fsrvos\[{backend}\]"
    with pytest.raises(MissingError, match=line), connect(Cluster(backend, "127.0.0.1:1")):
        pass
