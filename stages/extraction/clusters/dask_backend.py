"""Dask: bundles as tasks, results as they come, and an end where Dask would wait for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from configs import FsrvosError, MissingError, UsageError
from stages.extraction.clusters.cluster import (
    CONNECT_SECONDS,
    WORKERLESS_SECONDS,
    Cluster,
    Connection,
    WorkersGoneError,
    require_answer,
)

try:
    from distributed import CancelledError as FutureCancelledError
    from distributed import Client, KilledWorker
    from distributed.comm import CommClosedError
except ImportError as error:
    raise MissingError(
        "--backend dask needs the package distributed; run pip install 'fsrvos[dask]'"
    ) from error

_POLL_SECONDS = 1.0


@contextmanager
def connect_dask(cluster: Cluster) -> Iterator[Connection]:
    """Connect to a Dask scheduler. Raises UsageError or FsrvosError."""
    if not cluster.address:
        raise UsageError("--backend dask needs --address tcp://HOST:PORT of its scheduler")
    # In the clear, a scheduler speaks first.
    open_talk = cluster.address.partition("://")[0] not in ("tls", "ws", "wss")
    require_answer(cluster, b"" if open_talk else None)
    try:
        client = Client(cluster.address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FsrvosError(f"no {cluster} answers: {reason}; is it Dask's scheduler?") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise FsrvosError(f"the {cluster} has no workers; start some: dask worker") from error
        workers = sum(client.nthreads().values())
        yield Connection(partial(run_on, client), workers, LOST)


LOST = (KilledWorker, CommClosedError, CancelledError, FutureCancelledError, WorkersGoneError)


def run_on(
    client: Client, work: Callable[[Any], Any], bundles: Sequence[Any]
) -> Generator[Any, None, None]:
    """What `work` makes of each bundle, as it is done. Raises its errors, and those of LOST."""
    done: SimpleQueue[Any] = SimpleQueue()
    # All at once: the scheduler balances, also over workers that come later. Not pure, or a bundle
    # that is sent again would be taken for the one before.
    tasks = [client.submit(work, bundle, pure=False) for bundle in bundles]
    for task in tasks:
        task.add_done_callback(done.put)
    try:
        for _ in tasks:
            yield _next_done(client, done).result()
    finally:
        with suppress(OSError, TimeoutError):  # the scheduler may be what has gone
            client.cancel(tasks)


def _next_done(client: Client, done: SimpleQueue[Any]) -> Any:
    """A task that is done. Raises WorkersGoneError where nobody is left to do one."""
    alive = time.monotonic()
    while True:
        try:
            return done.get(timeout=_POLL_SECONDS)
        except Empty:
            # What the scheduler last told the client, which costs no message.
            if client.status == "running" and client.scheduler_info()["workers"]:
                alive = time.monotonic()
            elif time.monotonic() - alive > WORKERLESS_SECONDS:
                raise WorkersGoneError(f"no worker for {WORKERLESS_SECONDS:.0f} s") from None
