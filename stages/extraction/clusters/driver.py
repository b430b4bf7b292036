"""The driver's side: bundles out, deliveries back, and again what dead workers took with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from cache import FeatureStore
from cache.presence import present
from configs import Config, FsrvosError
from stages.encoders.pinning import with_absolute_paths
from stages.extraction.clusters.backends import connect
from stages.extraction.clusters.bundles import Errand, bundle_up, deliver
from stages.extraction.clusters.cluster import Cluster
from stages.extraction.jobs import Job, Tally
from stages.runtime.progress import say


class ClusterExtraction:
    """As `stages.extraction.pipeline.Extraction`, on a cluster's workers.

    Iterate over `run` to drive it.
    """

    def __init__(
        self,
        store: FeatureStore,
        config: Config,
        cluster: Cluster,
        *,
        force: bool = False,
        command: str = "",
    ) -> None:
        """force: redo what is there. command: kept as provenance."""
        self.store = store
        self.config = replace(config, encoder=with_absolute_paths(config.encoder))
        self.cluster = cluster
        self.force = force
        self.command = command
        self.tally = Tally()

    def run(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Extract every job on the cluster; yields each video when it is in place.

        What a worker held that died is sent again, as long as anything gets done. Raises what
        `connect` and `deliver` raise, and FsrvosError when workers only die. Whatever happens,
        every item is whole or absent, and what was delivered stays.
        """
        left = {job.item: job for job in jobs}
        with connect(self.cluster) as connection, present(self.store.folder) as sign:
            errand = self._errand(sign)
            while left:
                before = len(left)
                bundles = list(bundle_up(errand, list(left.values()), connection.workers))
                try:
                    with closing(connection.run(deliver, bundles)) as deliveries:
                        for delivery in deliveries:
                            self._count(delivery.tally)
                            for item in delivery.items:
                                yield left.pop(item).video
                except connection.lost as error:
                    self._judge(error, left, before)

    def _errand(self, sign: str) -> Errand:
        return Errand(
            config=self.config,
            key=self.store.key,
            root=str(self.store.root.absolute()),
            layout=self.store.layout,
            sign=sign,
            device=self.cluster.device,
            force=self.force,
            command=self.command,
        )

    def _count(self, done: Tally) -> None:
        """Add a worker's tally; encoder seconds are those of all workers together."""
        self.tally.frames += done.frames
        self.tally.written_bytes += done.written_bytes
        self.tally.encoder_seconds += done.encoder_seconds
        self.tally.elsewhere += done.elsewhere

    def _judge(self, error: BaseException, left: dict[str, Job], before: int) -> None:
        """Say that workers died, and whether to go on: only if something was done since."""
        first = next(iter(left.values())).video
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if len(left) == before:
            raise FsrvosError(
                f"the {self.cluster} lost its workers and finished nothing: {reason}; "
                f"{len(left)} videos are left, first {first}; see the workers' logs "
                "(out of memory?), then run the same command again"
            ) from error
        say(f"fsrvos: workers died ({reason}); sending {len(left)} videos again")
