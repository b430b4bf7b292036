"""Dask through joblib, without the two traps of joblib's own backend.

An error that Dask reports of a task that it gave up (its workers died again and again, or the
scheduler has gone) never reaches joblib, which then waits for ever. And on a cluster of one worker
thread joblib runs everything in the driver instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

from configs import FsrvosError, MissingError, UsageError
from stages.extraction.clusters.cluster import CONNECT_SECONDS, Cluster, Connection, require_answer

try:
    from distributed import Client, KilledWorker
    from distributed.comm import CommClosedError
    from joblib._dask import DaskDistributedBackend
except ImportError as error:
    raise MissingError(
        "--backend dask needs the package distributed; run pip install 'fsrvos[dask]'"
    ) from error

# How long a cluster may be without any worker before its tasks fail.
WORKERLESS_SECONDS = 120.0
_POLL_SECONDS = 1.0


class DaskBackend(DaskDistributedBackend):
    """joblib's Dask backend; a task that Dask gives up fails, one worker is a cluster too."""

    def __init__(self, client: Client) -> None:
        """client: connected; stays the caller's."""
        super().__init__(client=client)
        self.waiting: set[Future[Any]] = set()

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Threads of all workers; two at least, since joblib runs one job in the driver."""
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func: Any, callback: Callable[[Any], None]) -> Future[Any]:
        """Send a task. `callback` gets its result, or the error that Dask reports of it."""
        future: Future[Any] = super().submit(func, callback)
        self.waiting.add(future)

        def tell(done: Future[Any]) -> None:
            self.waiting.discard(done)
            error = done.exception()
            if error is not None:
                callback(error)

        future.add_done_callback(tell)
        return future

    def give_up(self, error: Exception) -> None:
        """Let every task fail that has no result yet."""
        for future in tuple(self.waiting):
            if not future.done():
                future.set_exception(error)

    def retrieve_result_callback(self, out: Any) -> Any:
        """The result; raises what came instead of one."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)


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
        backend = DaskBackend(client)
        with _watched(client, backend):
            # All at once: the scheduler balances, also over workers that come later.
            workers = sum(client.nthreads().values())
            lost = (KilledWorker, CommClosedError, CancelledError, WorkersGoneError)
            yield Connection(backend, workers, "all", lost)


class WorkersGoneError(Exception):
    """A cluster lost its last worker, or its scheduler, and none came back."""


@contextmanager
def _watched(client: Client, backend: DaskBackend) -> Iterator[None]:
    """Let tasks fail that nobody will do: Dask itself waits for ever."""
    over = threading.Event()

    def watch() -> None:
        alive = time.monotonic()
        while not over.wait(_POLL_SECONDS):
            # What the scheduler last told the client, which costs no message.
            if client.status == "running" and client.scheduler_info()["workers"]:
                alive = time.monotonic()
            elif time.monotonic() - alive > WORKERLESS_SECONDS:
                backend.give_up(WorkersGoneError(f"no worker for {WORKERLESS_SECONDS:.0f} s"))

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
