"""An existing cluster: how it is named, and what a connection to it offers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from configs import FsrvosError, UsageError

# How long an address may take to answer, and a cluster to show its first worker.
CONNECT_SECONDS = 15.0
# How long a cluster may be without any worker before its tasks fail.
WORKERLESS_SECONDS = 120.0


class WorkersGoneError(Exception):
    """A cluster lost its last worker, or its scheduler, and none came back."""


@dataclass(frozen=True)
class Cluster:
    """Which cluster to send work to.

    address: of Dask's scheduler, or of Ray's head ("" is the one running on this machine).
    device: where the workers run the encoder, as `stages.runtime.device.choose_device` takes it.
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

    run: gives what a function makes of each bundle, in the order in which it is done; closing it
    ends that, what is under way excepted; workers: how many bundles run at once; lost: errors that
    say that a worker or the connection died, not that the work failed.
    """

    run: Callable[[Callable[[Any], Any], Sequence[Any]], Generator[Any, None, None]]
    workers: int
    lost: tuple[type[BaseException], ...]


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
