"""The door to the two back ends, each imported only when a cluster of its kind is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from configs import MissingError
from stages.extraction.clusters.cluster import Cluster, Connection


@contextmanager
def connect(cluster: Cluster) -> Iterator[Connection]:
    """Connect to a cluster for as long as the context lasts.

    Raises MissingError (package not installed, or this program not there), UsageError (not an
    address), FsrvosError (nothing answers there in CONNECT_SECONDS, or no worker).
    """
    if cluster.backend == "dask":
        from stages.extraction.clusters.dask_backend import connect_dask as open_connection
    else:
        from stages.extraction.clusters.ray_backend import connect_ray as open_connection
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
