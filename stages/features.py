"""Videos and sentences into the cache: plan what is missing, then extract just that.

dataset ──▶ items (digests of bytes) ──▶ plan ──▶ extraction (maps) and sentences (states)
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import (
    FeatureStore,
    ItemIndex,
    Place,
    TextStore,
    default_root,
    normalise_sentence,
    place_of,
)
from configs import Config
from stages.caching.keys import feature_key, text_key
from stages.data.dataset import Dataset
from stages.data.folds import videos_of
from stages.data.index import load_dataset
from stages.data.nouns import category_of, hide_noun
from stages.data.sides import swap_sides
from stages.encoders import TextEncoder, load_text, load_vision
from stages.encoders.unread import warn_of_unread
from stages.extraction.clusters import Cluster, ClusterExtraction
from stages.extraction.jobs import Job
from stages.extraction.pipeline import Extraction
from stages.extraction.plan import FeaturesReport, find_missing, name_items, plan_work, seen_as
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.precision import warn_of_emulation
from stages.runtime.progress import track
from stages.runtime.provenance import provenance

__all__ = ["FeaturesReport", "extract"]

Progress = Callable[..., Iterable[Any]]
SENTENCES_A_BATCH = 64
# Finished sentences are put in the cache at least this often.
_TEXT_COMMIT_SECONDS = 30.0


def extract(
    *,
    config: Config,
    data_root: Path | str,
    fold: int,
    split: str = "all",
    cache_root: str | Place | None = None,
    device: str = "cpu",
    plan: bool = False,
    force: bool = False,
    layout: str = "chunks",
    progress: Progress = track,
    command: str = "",
    cluster: Cluster | None = None,
) -> FeaturesReport:
    """Fill the cache with the maps and sentences of a split's videos.

    Training videos are cached in all of `features.views`, test videos as they are.

    plan: only report. force: recompute the videos that are there, too. layout: of the items to
    be written, "chunks" or "shards"; what is there in another is left. progress: called as
    `stages.runtime.progress.track`. command: kept as provenance. cluster: whose workers extract the
    videos; without one, this process does.

    Raises MissingError (dataset, weights), DataError (a frame that cannot be read), UsageError
    (fold, split), FsrvosError (cache cannot be written, cluster cannot be reached). What was
    finished before stays.
    """
    dataset = load_dataset(data_root)
    videos = videos_of(dataset, fold, split)
    vision, text = load_vision(config.encoder, device), load_text(config.encoder, device)
    warn_of_emulation("encoder.precision", config.encoder.precision, vision.mean.device)
    root = place_of(cache_root) if cache_root else default_root()
    notes = provenance(command=command, device=device)
    keys = [feature_key(config.features, vision, n) for n in range(config.features.views)]
    stores = [FeatureStore(root, key, notes, layout) for key in keys]
    texts = TextStore(root, text_key(text), notes)
    jobs = name_items(config, dataset, videos, root)
    index = ItemIndex(root)
    sources = {job.meta["source"]: job.item for job in jobs}
    trained = frozenset(videos_of(dataset, fold, "train"))
    views = [
        [seen_as(n, config, job) for job in jobs if n == 0 or job.video in trained]
        for n in range(len(stores))
    ]
    missing, reasons = _missing_views(stores, views, index.previous(sources), force)
    sentences = sentences_of(dataset, videos)
    untold = texts.missing(sentences)
    every, left_over = [*chain(*views)], [*chain(*missing)]
    planned = plan_work(config, vision, stores[0], every, left_over, device, timed=plan)
    report = FeaturesReport(
        **planned,
        views=len(stores),
        text_key=texts.key.digest,
        text_hits=len(sentences) - len(untold),
        text_misses=len(untold),
        planned_only=plan,
        reasons=reasons,
    )
    if plan:
        return report
    keep_freed_memory()
    begun = time.perf_counter()
    warn_of_unread(text, *untold)
    write_sentences(texts, text, untold, progress)
    batch_frames = config.features.batch_frames
    tallies = []
    for number, (store, left) in enumerate(zip(stores, missing, strict=True)):
        extraction: Extraction | ClusterExtraction
        if cluster:
            extraction = ClusterExtraction(store, config, cluster, force=force, command=command)
        else:
            extraction = Extraction(
                store, vision, device=device, batch_frames=batch_frames, force=force
            )
        name = f"features, view {number}" if number else "features"
        if left:
            for _ in progress(extraction.run(left), total=len(left), description=name):
                pass
        tallies.append(extraction.tally)
    index.remember(sources)
    for store in stores:
        store.mark_used(dataset.root)
    texts.mark_used(dataset.root)
    return replace(
        report,
        frames=sum(tally.frames for tally in tallies),
        written_bytes=sum(tally.written_bytes for tally in tallies),
        seconds=time.perf_counter() - begun,
        encoder_seconds=sum(tally.encoder_seconds for tally in tallies),
    )


def _missing_views(
    stores: Sequence[FeatureStore],
    views: Sequence[Sequence[Job]],
    previous: Mapping[str, str],
    force: bool,
) -> tuple[list[list[Job]], dict[str, int]]:
    """`find_missing` of each view, and all reasons."""
    missing, reasons = [], dict[str, int]()
    for number, (store, jobs) in enumerate(zip(stores, views, strict=True)):
        left, why = find_missing(store, jobs, previous, force)
        missing.append(left)
        reasons |= {f"view {number}: {r}" if number else r: count for r, count in why.items()}
    return missing, reasons


def sentences_of(dataset: Dataset, videos: Sequence[str]) -> list[str]:
    """Normalised sentences of videos without repeats.

    The empty one too, each with its noun hidden, and both mirrored.
    """
    texts = [
        said
        for video in videos
        for expression in dataset.videos[video].expressions
        for said in (expression.text, hide_noun(expression.text, category_of(dataset, expression)))
    ]
    told = ["", *texts, *map(swap_sides, texts)]
    return list(dict.fromkeys(map(normalise_sentence, told)))


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
