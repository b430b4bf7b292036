"""What travels to a worker and back, and what the worker does with it.

Names and digests travel, never pixels or maps: the worker reads the frames and writes the items
where the driver would. It refuses whatever is not what the driver named, so a worker with other
files, other weights or another folder under the same path writes nothing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cache import FeatureKey, FeatureStore, difference
from cache.items import fingerprint, item_of
from cache.presence import is_present
from configs import Config, DataError, EncoderConfig, FsrvosError, MissingError
from stages.caching.keys import feature_key
from stages.encoders import VisionEncoder, load_vision
from stages.extraction.jobs import Job, Tally
from stages.extraction.pipeline import Extraction
from stages.extraction.plan import frame_reader, seen_as
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import choose_device
from stages.runtime.provenance import provenance

# Enough that filling and draining the pipeline, and the last padded batch, cost little.
BATCHES_A_BUNDLE = 8
# Fewer bundles than that a worker, and the last ones would keep some waiting.
BUNDLES_A_WORKER = 4

_LOADING = threading.Lock()


@dataclass(frozen=True)
class Errand:
    """What all bundles of one extraction share.

    root: the cache, as every machine names it; layout: of the items; sign: the driver's presence;
    device: for `choose_device`; command: kept as provenance.
    """

    config: Config
    key: FeatureKey
    root: str
    layout: str
    sign: str
    device: str
    force: bool
    command: str


@dataclass(frozen=True)
class Video:
    """One video: its name, its item, its frames' files in order, and its record's facts."""

    name: str
    item: str
    paths: tuple[str, ...]
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Bundle:
    """A few videos for one worker at a time."""

    errand: Errand
    videos: tuple[Video, ...]


@dataclass(frozen=True)
class Delivery:
    """What a worker did: the items that are in place now, and its tally."""

    items: tuple[str, ...]
    tally: Tally = field(default_factory=Tally)


def bundle_up(errand: Errand, jobs: Sequence[Job], workers: int) -> Iterator[Bundle]:
    """Jobs in bundles of about equal numbers of frames, for one worker or more."""
    batch = errand.config.features.batch_frames
    total = sum(len(job.paths) for job in jobs)
    enough = min(BATCHES_A_BUNDLE * batch, total / (BUNDLES_A_WORKER * workers))
    waiting: list[Video] = []
    frames = 0
    for job in jobs:
        paths = tuple(str(path.absolute()) for path in job.paths)
        waiting.append(Video(job.video, job.item, paths, job.meta))
        frames += len(paths)
        if frames >= enough:
            yield Bundle(errand, tuple(waiting))
            waiting, frames = [], 0
    if waiting:
        yield Bundle(errand, tuple(waiting))


def deliver(bundle: Bundle) -> Delivery:
    """Extract a bundle's videos, on a worker. Stops between videos once the driver has gone.

    Raises MissingError (this machine sees no data or no cache), DataError (other frames than the
    driver's, or unreadable ones), FsrvosError (other weights or code, or what Extraction raises).
    """
    errand = bundle.errand
    device = choose_device(errand.device)
    notes = {**provenance(command=errand.command, device=device), "host": socket.gethostname()}
    store = FeatureStore(errand.root, errand.key, notes, errand.layout)
    if not is_present(store.folder, errand.sign):
        raise MissingError(
            f"worker {_host()} does not see the cache: {errand.root}; "
            "choose a place that every machine sees (--cache-dir)"
        )
    encoder = _encoder(errand, device)
    jobs = [_job(errand, video) for video in bundle.videos]
    extraction = Extraction(
        store,
        encoder,
        device=device,
        batch_frames=errand.config.features.batch_frames,
        force=errand.force,
    )
    for _ in extraction.run(jobs):
        if not is_present(store.folder, errand.sign):
            raise FsrvosError(f"worker {_host()} stops: whoever sent the work has gone")
    return Delivery(tuple(video.item for video in bundle.videos), extraction.tally)


def _encoder(errand: Errand, device: str) -> VisionEncoder:
    """The encoder that the key names, loaded once a process."""
    with _LOADING:
        encoder = _load(errand.config.encoder, device)
    own = feature_key(errand.config.features, encoder, errand.key.view["index"])
    if own != errand.key:
        changes = ", ".join(difference(asdict(errand.key), asdict(own)))
        raise FsrvosError(
            f"worker {_host()} would make other features: {changes}; "
            "install the same version of fsrvos and of the weights there"
        )
    return encoder


@lru_cache(maxsize=1)
def _load(config: EncoderConfig, device: str) -> VisionEncoder:
    keep_freed_memory()
    return load_vision(config, device)


def _job(errand: Errand, video: Video) -> Job:
    """A video as this machine sees it, if that is the one named."""
    paths = [Path(path) for path in video.paths]
    try:
        # Before the bytes are read, so that whatever changes after this is noticed.
        stamp = fingerprint(paths)[0]
        found = item_of(paths)
    except MissingError as error:
        raise MissingError(
            f"worker {_host()} does not see the data: {paths[0].parent}; "
            "put the dataset where every machine sees it (--data)"
        ) from error
    if found != video.item:
        raise DataError(
            f"worker {_host()} has other frames of video {video.name}: {paths[0].parent}; "
            "put the dataset where every machine sees it (--data)"
        )
    read = frame_reader(errand.config.features, paths)
    job = Job(video.name, video.item, paths, stamp, read, dict(video.meta))
    return seen_as(errand.key.view["index"], errand.config, job)


def _host() -> str:
    return socket.gethostname()
