"""What an extraction has to do: videos by their bytes, what is missing and why, what it costs."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import FeatureStore, ItemIndex, Place, bytes_per_frame, difference
from cache.backends import backend_of, each
from cache.inventory import list_keys
from cache.items import fingerprint
from configs import Config, DataError, FeaturesConfig, command
from configs.model import STRIDES
from stages.data.dataset import Dataset
from stages.data.images import read_rgb
from stages.data.resize import network_size
from stages.data.views import PLAIN, View, view_of
from stages.encoders import VisionEncoder
from stages.extraction.jobs import Job
from stages.extraction.pipeline import encode


@dataclass(frozen=True)
class FeaturesReport:
    """What `extract` found and did, or would do.

    hits, misses: videos, each view of one counted; text_hits, text_misses: sentences;
    bytes_per_frame: of the missing videos' first; bytes_needed, free_bytes (None for an object
    store): the plan; minutes: estimated where only planned, else 0; written_bytes, frames, seconds,
    encoder_seconds: the work, zero after a plan; views: of a training video; reasons: why videos
    are missing, and how many.
    """

    key: str
    text_key: str
    cache: str
    videos: int
    hits: int
    misses: int
    text_hits: int
    text_misses: int
    missing_frames: int
    bytes_per_frame: int
    bytes_needed: int
    minutes: float
    free_bytes: int | None
    planned_only: bool
    views: int = 1
    reasons: Mapping[str, int] = field(default_factory=dict)
    frames: int = 0
    written_bytes: int = 0
    seconds: float = 0.0
    encoder_seconds: float = 0.0

    @property
    def encoder_fps(self) -> float:
        """Frames a second while the encoder ran."""
        return self.frames / self.encoder_seconds if self.encoder_seconds else 0.0

    @property
    def fps(self) -> float:
        """Frames a second from first to last, everything included."""
        return self.frames / self.seconds if self.seconds else 0.0

    def table(self) -> str:
        """The report for people, a few lines."""
        rest = "missing" if self.planned_only else "new"
        videos = f"videos in up to {self.views} views" if self.views > 1 else "videos"
        lines = [
            f"{videos}: {self.hits} cached, {self.misses} {rest}",
            f"sentences: {self.text_hits} cached, {self.text_misses} {rest}",
        ]
        lines += [f"  {count} videos: {reason}" for reason, count in self.reasons.items()]
        if self.misses:
            free = "" if self.free_bytes is None else f", {self.free_bytes / 1e9:.0f} GB free"
            lines.append(
                f"frames: {self.missing_frames} of {self.bytes_per_frame / 1e6:.3f} MB, "
                f"{self.bytes_needed / 1e9:.2f} GB in all{free}"
            )
        if self.planned_only and self.misses:
            lines.append(f"time: about {self.minutes:.1f} minutes")
        if self.frames:
            lines.append(
                f"time: {self.seconds:.0f} s, {self.fps:.0f} frames a second "
                f"(encoder {self.encoder_fps:.0f})"
            )
        return "\n".join([*lines, f"cache: {self.cache} key {self.key[:12]}"])

    def to_json(self) -> dict[str, Any]:
        """All numbers as one JSON-able object."""
        return {**asdict(self), "encoder_fps": self.encoder_fps, "fps": self.fps}


def name_items(config: Config, dataset: Dataset, videos: Sequence[str], root: Place) -> list[Job]:
    """A job for each video, named by its frames' bytes."""
    paths = {video: frame_paths(dataset, video) for video in videos}
    stamps = {video: fingerprint(paths[video])[0] for video in videos}
    items = ItemIndex(root).items(paths)
    return [
        Job(
            video=video,
            item=items[video],
            paths=paths[video],
            stamp=stamps[video],
            read=frame_reader(config.features, paths[video]),
            meta=_meta(video, paths[video]),
        )
        for video in videos
    ]


def seen_as(number: int, config: Config, job: Job) -> Job:
    """A job of `name_items` for view `number` of its video; the item's record says how it looks."""
    if number == 0:
        return job
    view = view_of(number, job.item)
    read = frame_reader(config.features, job.paths, view)
    return replace(job, read=read, meta={**job.meta, "view": view.to_json()})


def _meta(video: str, paths: Sequence[Path]) -> dict[str, Any]:
    """What an item's record says of its video: id, folder, files."""
    source = str(paths[0].parent.absolute())
    return {"video": video, "source": source, "frames": [path.name for path in paths]}


def frame_paths(dataset: Dataset, video: str) -> list[Path]:
    """The files of a video's frames, in order."""
    paths = [dataset.frame_path(video, frame) for frame in dataset.videos[video].frames]
    if not paths:
        check = command("fsrvos", "data", "check", dataset.root)
        raise DataError(f"video {video} has no frames: {dataset.root}; run {check}")
    return paths


def frame_reader(
    features: FeaturesConfig, paths: Sequence[Path], view: View = PLAIN
) -> Callable[[int], NDArray[np.uint8]]:
    """Frame number to the frame in a view, at the network's size."""

    def read(index: int) -> NDArray[np.uint8]:
        frame = read_rgb(paths[index])
        height, width = frame.shape[:2]
        size = network_size(height, width, features, paths[index])
        return view.frame(frame, size)

    return read


def find_missing(
    store: FeatureStore, jobs: Sequence[Job], previous: Mapping[str, str], force: bool = False
) -> tuple[list[Job], dict[str, int]]:
    """Jobs whose item is not there or not whole, and the reasons with their numbers of videos.

    previous: the item that each source folder held when it was last extracted.
    """
    missing: dict[str, Job] = {}
    reasons: Counter[str] = Counter()
    others: dict[str, str] | None = None
    items = [] if force else list(dict.fromkeys(job.item for job in jobs))
    known = dict(zip(items, each(store.root, store.faults, items), strict=True))
    for job in jobs:
        faults = ["forced"] if force else known[job.item]
        if not faults or job.item in missing:
            continue
        missing[job.item] = job
        reason = faults[0]
        if reason == "absent":
            others = _elsewhere(store) if others is None else others
            before = previous.get(job.meta["source"], job.item)
            changed = "frames changed" if before != job.item else "not in the cache"
            reason = others.get(job.item, changed)
        elif not force:
            reason = f"damaged: {reason}"
        reasons[reason] += 1
    return list(missing.values()), dict(reasons)


def _elsewhere(store: FeatureStore) -> dict[str, str]:
    """Why what is absent here is there under another key: item to the fields that differ."""
    found: dict[str, tuple[int, str]] = {}
    for other in list_keys(store.root):
        same_view = other.key.get("view") == dict(store.key.view)
        if other.kind != "features" or other.digest == store.key.digest or not same_view:
            continue
        changes = difference(other.key, asdict(store.key))
        line = ", ".join(changes)
        for item in other.items():
            if item not in found or len(changes) < found[item][0]:
                found[item] = (len(changes), line)
    return {item: line for item, (_, line) in found.items()}


def plan_work(
    config: Config,
    vision: VisionEncoder,
    store: FeatureStore,
    jobs: Sequence[Job],
    missing: Sequence[Job],
    device: str,
    timed: bool,
) -> dict[str, Any]:
    """The part of a report that says what `missing` costs.

    timed: estimate the minutes, too, which takes two batches of the encoder; 0 otherwise.
    """
    frames = sum(len(job.paths) for job in missing)
    size, seconds = 0, 0.0
    if missing:
        first = missing[0].read(0)
        cells = [(-(-first.shape[0] // s), -(-first.shape[1] // s)) for s in STRIDES]
        size = bytes_per_frame(list(vision.channels), cells, config.features.stored)
        if timed:
            seconds = _seconds_a_frame(config, vision, first, device)
    return {
        "key": store.key.digest,
        "cache": str(store.root),
        "videos": len(jobs),
        "hits": len(jobs) - len(missing),
        "misses": len(missing),
        "missing_frames": frames,
        "bytes_per_frame": size,
        "bytes_needed": size * frames,
        "minutes": seconds * frames / 60,
        "free_bytes": backend_of(store.root).free_bytes(store.root),
    }


def _seconds_a_frame(
    config: Config, vision: VisionEncoder, frame: NDArray[np.uint8], device: str
) -> float:
    """Seconds that the encoder takes a frame: the second of two batches is timed."""
    count = config.features.batch_frames
    frames = np.repeat(frame[None], count, axis=0)
    for _ in range(2):
        begun = time.perf_counter()
        encode(vision, frames, count, device, config.features.stored)
    return (time.perf_counter() - begun) / count
