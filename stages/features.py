"""Videos and sentences into the cache: plan what is missing, then extract just that.

dataset ──▶ items (digests of bytes) ──▶ plan ──▶ extraction (maps) and sentences (states)
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import (
    FeatureStore,
    ItemIndex,
    TextStore,
    bytes_per_frame,
    default_root,
    difference,
    normalise_sentence,
)
from cache.inventory import list_keys
from cache.items import fingerprint
from configs import Config
from stages.data.dataset import Dataset, load_dataset
from stages.data.folds import videos_of
from stages.data.resize import fitted_size, resize_frame
from stages.encoders import STRIDES, TextEncoder, VisionEncoder, load_text, load_vision
from stages.extraction import Extraction, Job, encode
from stages.feature_keys import feature_key, provenance, text_key
from stages.progress import track

Progress = Callable[..., Iterable[Any]]
SENTENCES_A_BATCH = 64
# Finished sentences are put in the cache at least this often.
_TEXT_COMMIT_SECONDS = 30.0


@dataclass(frozen=True)
class FeaturesReport:
    """What `extract` found and did, or would do.

    hits, misses: videos; text_hits, text_misses: sentences; bytes_per_frame: of the missing
    videos' first; bytes_needed, minutes, free_bytes: the plan; written_bytes, frames, seconds,
    encoder_seconds: the work, zero after a plan; reasons: why videos are missing, and how many.
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
    free_bytes: int
    planned_only: bool
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

    def to_json(self) -> dict[str, Any]:
        """All numbers as one JSON-able object."""
        return {**asdict(self), "encoder_fps": self.encoder_fps, "fps": self.fps}


def extract(
    config: Config,
    data_root: Path | str,
    fold: int,
    split: str = "all",
    cache_root: Path | None = None,
    device: str = "cpu",
    plan: bool = False,
    force: bool = False,
    progress: Progress = track,
    command: str = "",
) -> FeaturesReport:
    """Fill the cache with the maps and sentences of a split's videos.

    plan: only report. force: recompute the videos that are there, too. progress: called as
    `stages.progress.track`. command: kept as provenance.

    Raises MissingError (dataset, weights), DataError (a frame that cannot be read), UsageError
    (fold, split), FsrvosError (cache cannot be written). What was finished before stays.
    """
    dataset = load_dataset(data_root)
    videos = videos_of(dataset, fold, split)
    vision, text = load_vision(config.encoder, device), load_text(config.encoder, device)
    root = Path(cache_root) if cache_root else default_root()
    notes = provenance(device, command)
    store = FeatureStore(root, feature_key(config.features, vision), notes)
    texts = TextStore(root, text_key(text), notes)
    jobs = name_items(config, dataset, videos, root)
    index = ItemIndex(root)
    sources = {job.meta["source"]: job.item for job in jobs}
    missing, reasons = find_missing(store, jobs, index.previous(sources), force)
    sentences = sentences_of(dataset, videos)
    untold = texts.missing(sentences)
    planned = _plan(config, vision, store, jobs, missing, device)
    report = FeaturesReport(
        **planned,
        text_key=texts.key.digest,
        text_hits=len(sentences) - len(untold),
        text_misses=len(untold),
        planned_only=plan,
        reasons=reasons,
    )
    if plan:
        return report
    begun = time.perf_counter()
    write_sentences(texts, text, untold, progress)
    batch_frames = config.features.batch_frames
    extraction = Extraction(store, vision, device=device, batch_frames=batch_frames, force=force)
    if missing:
        for _ in progress(extraction.run(missing), total=len(missing), description="features"):
            pass
    tally = extraction.tally
    index.remember(sources)
    for used in (store, texts):
        used.mark_used(dataset.root)
    return replace(
        report,
        frames=tally.frames,
        written_bytes=tally.written_bytes,
        seconds=time.perf_counter() - begun,
        encoder_seconds=tally.encoder_seconds,
    )


def name_items(config: Config, dataset: Dataset, videos: Sequence[str], root: Path) -> list[Job]:
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
            read=_reader(config, dataset, video),
            meta=_meta(video, paths[video]),
        )
        for video in videos
    ]


def _meta(video: str, paths: Sequence[Path]) -> dict[str, Any]:
    """What an item's record says of its video: id, folder, files."""
    source = str(paths[0].parent.absolute())
    return {"video": video, "source": source, "frames": [path.name for path in paths]}


def frame_paths(dataset: Dataset, video: str) -> list[Path]:
    """The files of a video's frames, in order."""
    return [dataset.frame_path(video, frame) for frame in dataset.videos[video].frames]


def _reader(config: Config, dataset: Dataset, video: str) -> Callable[[int], NDArray[np.uint8]]:
    """Frame number to the frame at the network's size."""
    features = config.features

    def read(index: int) -> NDArray[np.uint8]:
        frame = dataset.frame(video, index)
        height, width = frame.shape[:2]
        size = fitted_size(height, width, features.short_side, features.long_side)
        return resize_frame(frame, size)

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
    for job in jobs:
        faults = ["forced"] if force else store.faults(job.item)
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
        if other.kind != "features" or other.digest == store.key.digest:
            continue
        changes = difference(other.key, asdict(store.key))
        line = ", ".join(changes)
        for item in other.items():
            if item not in found or len(changes) < found[item][0]:
                found[item] = (len(changes), line)
    return {item: line for item, (_, line) in found.items()}


def sentences_of(dataset: Dataset, videos: Sequence[str]) -> list[str]:
    """Normalised sentences of videos without repeats, the empty one among them."""
    texts = (
        expression.text for video in videos for expression in dataset.videos[video].expressions
    )
    return list(dict.fromkeys(["", *map(normalise_sentence, texts)]))


def write_sentences(
    store: TextStore, encoder: TextEncoder, sentences: Sequence[str], progress: Progress
) -> None:
    """Encode sentences and put them in the cache."""
    waiting: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    committed = time.monotonic()
    starts = range(0, len(sentences), SENTENCES_A_BATCH)
    for start in progress(starts, total=len(starts), description="sentences"):
        batch = sentences[start : start + SENTENCES_A_BATCH]
        for sentence, states in zip(batch, encoder.encode(batch), strict=True):
            waiting[sentence] = (states.tokens.cpu().numpy(), states.sentence.cpu().numpy())
        if time.monotonic() - committed > _TEXT_COMMIT_SECONDS:
            store.write(waiting)
            waiting, committed = {}, time.monotonic()
    if waiting:
        store.write(waiting)


def _plan(
    config: Config,
    vision: VisionEncoder,
    store: FeatureStore,
    jobs: Sequence[Job],
    missing: Sequence[Job],
    device: str,
) -> dict[str, Any]:
    """The plan's part of a report. Times one batch when there is work to do."""
    frames = sum(len(job.paths) for job in missing)
    size, seconds = 0, 0.0
    if missing:
        first = missing[0].read(0)
        cells = [(-(-first.shape[0] // s), -(-first.shape[1] // s)) for s in STRIDES]
        size = bytes_per_frame(list(vision.channels), cells, config.features.dtype)
        seconds = _seconds_a_frame(config, vision, first, device)
    existing = next(path for path in (store.root, *store.root.absolute().parents) if path.exists())
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
        "free_bytes": shutil.disk_usage(existing).free,
    }


def _seconds_a_frame(
    config: Config, vision: VisionEncoder, frame: NDArray[np.uint8], device: str
) -> float:
    """Seconds that the encoder takes a frame: the second of two batches is timed."""
    count = config.features.batch_frames
    frames = np.repeat(frame[None], count, axis=0)
    for _ in range(2):
        begun = time.perf_counter()
        encode(vision, frames, count, device, config.features.dtype)
    return (time.perf_counter() - begun) / count
