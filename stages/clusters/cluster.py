"""An existing cluster: how it is named, and what a connection to it offers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from configs import FsrvosError, MissingError, UsageError

if TYPE_CHECKING:
    from joblib.parallel import ParallelBackendBase

# How long an address may take to answer, and a cluster to show its first worker.
CONNECT_SECONDS = 15.0


@dataclass(frozen=True)
class Cluster:
    """Which cluster to send work to.

    address: of Dask's scheduler, or of Ray's head ("" is the one running on this machine).
    device: where the workers run the encoder, as `stages.device.choose_device` takes it.
    """

    backend: Literal["dask", "ray"]
    address: str = ""
    device: str = "auto"

    def __str__(self) -> str:
        name = self.backend.capitalize()
        return f"{name} cluster at {self.address}" if self.address else f"{name} cluster"


@dataclass(frozen=True)
class Connection:
    """A cluster that answered.

    backend: joblib's; workers: how many bundles run at once; in_flight: how many are handed over
    before the first is done, as joblib's `pre_dispatch`; lost: errors that say that a worker or
    the connection died, not that the work failed.
    """

    backend: ParallelBackendBase
    workers: int
    in_flight: str
    lost: tuple[type[BaseException], ...]


@contextmanager
def connect(cluster: Cluster) -> Iterator[Connection]:
    """Connect to a cluster for as long as the context lasts.

    Raises MissingError (package not installed, or this program not there), UsageError (not an
    address), FsrvosError (nothing answers there in CONNECT_SECONDS, or no worker).
    """
    if cluster.backend == "dask":
        from stages.clusters.dask_backend import connect_dask as open_connection
    else:
        from stages.clusters.ray_backend import connect_ray as open_connection
    with open_connection(cluster) as connection:
        try:
            yield connection
        except (ImportError, RuntimeError) as error:
            # Dask's scheduler reads what is sent, too, and says only that it could not.
            if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                raise
            raise MissingError(
                f"the {cluster} cannot run what it is sent: {str(error).split('. ')[0]}; install "
                "the same version of fsrvos for all its processes, the scheduler's included"
            ) from error


def require_answer(cluster: Cluster, greeting: bytes | None = b"") -> None:
    """Knock at host:port of a cluster's address; FsrvosError when nothing answers in time.

    The packages' own connecting retries for minutes, and waits without end for a program that
    accepts the connection and says nothing. greeting: what to say before waiting for the first
    byte of an answer; None where it may not answer in the clear.
    """
    host, _, port = cluster.address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"not an address: '{cluster.address}'; give host:port with --address")
    try:
        place = (host.strip("[]"), int(port))
        with socket.create_connection(place, CONNECT_SECONDS) as connection:
            connection.sendall(greeting or b"")
            if greeting is not None and not connection.recv(1):
                raise ConnectionError("it hangs up")
    except (OSError, OverflowError) as error:
        raise FsrvosError(
            f"no {cluster} answers: {error}; is it running, and is the port open to this machine?"
        ) from error
