"""Ray: bundles as tasks, results as they come; Ray itself repeats what a dead worker held."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from configs import FsrvosError, MissingError, UsageError
from stages.extraction.clusters.cluster import (
    WORKERLESS_SECONDS,
    Cluster,
    Connection,
    WorkersGoneError,
    require_answer,
)

try:
    import ray
    from ray import exceptions
except ImportError as error:
    raise MissingError(
        "--backend ray needs the package ray; run pip install 'fsrvos[ray]'"
    ) from error

# Of one bundle, before its worker's death is told: one that kills every worker must end some time.
TASK_RETRIES = 3
# Bundles sent for each that runs, so that no worker waits for the driver.
AHEAD = 2
LOST = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
    WorkersGoneError,
)
_POLL_SECONDS = 1.0
# What Ray counts, by the name that a task asks for it.
_RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU"}
# How a gRPC client begins (HTTP/2's preface and empty settings); a server answers in kind.
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@contextmanager
def connect_ray(cluster: Cluster) -> Iterator[Connection]:
    """Connect to a Ray cluster. Raises UsageError or FsrvosError."""
    if "://" in cluster.address:
        raise UsageError(f"not an address: '{cluster.address}'; --backend ray takes HOST:PORT")
    if cluster.address:
        require_answer(cluster, None if os.environ.get("RAY_USE_TLS") == "1" else _HTTP2)
    own = not ray.is_initialized()
    if own:
        try:
            ray.init(cluster.address or "auto", log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise FsrvosError(
                f"no {cluster} answers: {reason}; start one (ray start --head) or give --address"
            ) from error
    try:
        share = _share(cluster)
        workers = _workers(share)
        if not workers:
            raise FsrvosError(f"the {cluster} has no CPU; start workers: ray start --address")
        yield Connection(partial(run_on, share), workers, LOST)
    finally:
        if own:
            ray.shutdown()


def run_on(
    share: Mapping[str, float], work: Callable[[Any], Any], bundles: Sequence[Any]
) -> Generator[Any, None, None]:
    """What `work` makes of each bundle, as it is done. Raises its errors, and those of LOST.

    share: what each bundle asks of the cluster while it runs, as `ray.remote` takes it.
    """
    task = ray.remote(work).options(max_retries=TASK_RETRIES, **share)
    waiting = deque(bundles)
    sent: list[Any] = []
    while waiting or sent:
        # A few ahead of the workers that are there by now, and not all: Ray 2.60 aborts the driver
        # where a task is called off while it ends, so that nothing that was sent is called off.
        while waiting and len(sent) < max(1, AHEAD * _workers(share)):
            sent.append(task.remote(waiting.popleft()))
        done = _next_done(sent, share)
        sent.remove(done)
        yield _result(done)


def _next_done(sent: Sequence[Any], share: Mapping[str, float]) -> Any:
    """A task that is done. Raises WorkersGoneError where nobody is left to do one."""
    alive = time.monotonic()
    while True:
        done, _ = ray.wait(sent, timeout=_POLL_SECONDS)
        if done:
            return done[0]
        if _workers(share):
            alive = time.monotonic()
        elif time.monotonic() - alive > WORKERLESS_SECONDS:
            raise WorkersGoneError(f"no worker for {WORKERLESS_SECONDS:.0f} s")


def _result(done: Any) -> Any:
    """What a task gave. Raises its error as the work raised it, not Ray's account of it."""
    try:
        return ray.get(done)
    except exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, RuntimeError) and "failed to import" in str(cause):
            # Ray's own, and a page long: the worker lacks this program. Its last line says what.
            raise ImportError(str(cause).strip().splitlines()[-1]) from error
        raise cause from error


def _share(cluster: Cluster) -> dict[str, float]:
    """What a bundle asks of Ray: a GPU where there are some and they are wanted, and a CPU."""
    gpus = ray.cluster_resources().get("GPU", 0)
    wanted = gpus and cluster.device in ("auto", "cuda")
    return {"num_cpus": 1, "num_gpus": 1} if wanted else {"num_cpus": 1}


def _workers(share: Mapping[str, float]) -> int:
    """How many bundles with such a share run at once in the cluster as it is now."""
    there = ray.cluster_resources()
    return int(min(there.get(_RESOURCES[name], 0) // most for name, most in share.items()))
