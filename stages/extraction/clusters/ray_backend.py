"""Ray through joblib, with results as they come and actors that are started again.

Ray's pool of actors neither replaces one that died nor repeats what it was doing unless told to,
and joblib runs everything in the driver when there is but one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from joblib import Parallel, delayed

from configs import FsrvosError, MissingError, UsageError
from stages.extraction.clusters.cluster import Cluster, Connection, require_answer

try:
    import ray
    from ray import exceptions
    from ray.util.joblib import register_ray
    from ray.util.joblib.ray_backend import RayBackend
except ImportError as error:
    raise MissingError(
        "--backend ray needs the package ray; run pip install 'fsrvos[ray]'"
    ) from error

# Of one actor, and of one bundle: one that kills every actor must end some time.
RESTARTS = 20
TASK_RETRIES = 3
LOST = (
    exceptions.RayActorError,
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
)
# How a gRPC client begins (HTTP/2's preface and empty settings); a server answers in kind.
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


class StreamingRayBackend(RayBackend):
    """Ray's backend; its pool tells each result as it comes, so joblib may hand them on."""

    supports_return_generator = True


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
        workers, share = _actors(cluster)
        register_ray()
        arguments = {"max_restarts": RESTARTS, "max_task_retries": TASK_RETRIES, **share}
        backend = StreamingRayBackend(ray_remote_args=arguments)
        yield Connection(partial(_run, backend, workers), workers, LOST)
    finally:
        if own:
            ray.shutdown()


def _run(
    backend: RayBackend, workers: int, work: Callable[[Any], Any], bundles: Sequence[Any]
) -> Generator[Any, None, None]:
    """What `work` makes of each bundle, as it is done. Raises its errors, and those of LOST."""
    parallel = Parallel(
        backend=backend, n_jobs=workers, batch_size=1, return_as="generator_unordered"
    )
    results = parallel(delayed(work)(bundle) for bundle in bundles)
    try:
        yield from results
    finally:
        with warnings.catch_warnings():  # joblib's, about tasks that were cut off
            warnings.simplefilter("ignore")
            results.close()


def _actors(cluster: Cluster) -> tuple[int, dict[str, float]]:
    """How many actors, and what each asks of Ray: one a GPU where there are some, else a CPU."""
    there = ray.cluster_resources()
    cpus, gpus = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if gpus and cluster.device in ("auto", "cuda"):
        workers, share = max(2, gpus), {"num_gpus": 1.0 if gpus > 1 else 0.5}
    else:
        workers, share = cpus, {}
    if min(workers, cpus) < 2:
        raise FsrvosError(f"the {cluster} has {cpus} CPU; joblib needs two or more there")
    return min(workers, cpus), share
