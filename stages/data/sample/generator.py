"""Rendering the whole sample dataset, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from joblib import delayed

from cache.whole import whole_folder
from configs.errors import UsageError
from stages.data.kind import write_kind
from stages.data.parallel import Progress, in_parallel
from stages.data.sample.sprites import CATEGORIES
from stages.data.sample.videos import render_video
from stages.data.sample.writer import FOLDERS, write_clip, write_frames, write_json, write_support

VERSION = 1
KIND = "sample"
CLIPS = (0, 1, 7, 9)  # videos that are also written as mp4: alone, told by colour, place, motion
SUPPORT_FRAMES = 5


@dataclass(frozen=True)
class SampleSettings:
    """What a rendering depends on. `size` is width and height in pixels."""

    videos_per_category: int
    seed: int
    frames: int
    size: tuple[int, int]
    categories: tuple[str, ...]


@dataclass(frozen=True)
class SampleSummary:
    """What was rendered."""

    root: Path
    videos: int
    frames: int
    expressions: int


def render_sample(
    out: Path,
    videos_per_category: int = 60,
    seed: int = 0,
    jobs: int = 2,
    *,
    frames: int = 8,
    size: tuple[int, int] = (320, 192),
    categories: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> SampleSummary:
    """Render the sample dataset into the new folder `out`.

    The same arguments give the same bytes, whatever `jobs` is, and a larger
    `videos_per_category` only adds videos. `progress(done, total)` is called for each video.

    Raises UsageError for settings out of range, an unknown category, or where `out` holds
    something already; UnwritableError where it cannot be written.
    """
    names = tuple(categories) if categories is not None else CATEGORIES
    settings = SampleSettings(videos_per_category, seed, frames, size, names)
    _check(settings)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty; remove it or choose another folder")
    out = out.absolute()
    with whole_folder(out, ()) as building:
        summary = _render(building, settings, jobs, progress)
    return SampleSummary(out, *summary)


def _check(settings: SampleSettings) -> None:
    unknown = [c for c in settings.categories if c not in CATEGORIES]
    if unknown or not settings.categories:
        raise UsageError(f"unknown categories {unknown}; there are {', '.join(CATEGORIES)}")
    if settings.videos_per_category < 1 or settings.frames < 2 or settings.seed < 0:
        raise UsageError("videos per category must be 1 or more, frames 2 or more, seed 0 or more")


def _render(
    root: Path, settings: SampleSettings, jobs: int, progress: Progress | None
) -> tuple[int, int, int]:
    """Render into `root`; returns the numbers of videos, frames and expressions."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    tasks = [(c, i) for c in settings.categories for i in range(settings.videos_per_category)]
    # No worker still writes once this returns, so the folder may then be removed.
    parts: list[dict[str, Any]] = in_parallel(
        [delayed(_render_one)(root, c, i, settings) for c, i in tasks], jobs, progress
    )
    meta = {p["name"]: p["meta"] for p in parts}
    spoken = {p["name"]: p["expressions"] for p in parts}
    write_json(root / "train" / "meta.json", {"videos": meta})
    write_json(root / "meta_expressions" / "train" / "meta_expressions.json", {"videos": spoken})
    clips = {n: [e["exp"] for e in v["expressions"].values()] for n, v in spoken.items()}
    there = {p.stem for p in (root / "videos").glob("*.mp4")}
    write_json(root / "videos" / "sentences.json", {n: s for n, s in clips.items() if n in there})
    write_json(root / "classes.json", list(settings.categories))
    write_kind(root, KIND)
    write_json(root / "sample.json", {"version": VERSION, **asdict(settings)})
    counted = [len(v["expressions"]) for v in spoken.values()]
    return len(parts), len(parts) * settings.frames, sum(counted)


def _render_one(root: Path, category: str, index: int, settings: SampleSettings) -> dict[str, Any]:
    """Render one video, and with it the clip or support folder that it is the source of."""
    cv2.setNumThreads(1)
    video = render_video(
        category, index, seed=settings.seed, frames=settings.frames, size=settings.size
    )
    if index in CLIPS:
        write_clip(root / "videos" / f"{video.name}.mp4", video)
    if index == _support_source(settings.videos_per_category):
        write_support(root / "support" / category, video, min(SUPPORT_FRAMES, settings.frames))
    return write_frames(root, video)


def _support_source(count: int) -> int:
    """The video that support folders come from: with one object of the kind, and not a clip's."""
    return 4 if count > 4 else (count - 1) // 2 * 2
