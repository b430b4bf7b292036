"""Writing a benchmark in the layout the program reads, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.whole import whole_folder
from configs.errors import DataError, UsageError
from stages.data.dataset import Video
from stages.data.files import write_json
from stages.data.folds import FOLDS
from stages.data.kind import write_kind
from stages.data.palette import davis_palette

Ids = NDArray[np.uint8]


@dataclass(frozen=True)
class RawVideo:
    """A chosen video and where its pixels come from.

    `images` holds a path a frame of `video.frames`; `masks` gives frame i's ids [H, W] or, where
    the raw file can be used as it is, its path.
    """

    video: Video
    images: tuple[Path, ...]
    masks: Callable[[int], Ids | Path]


@dataclass(frozen=True)
class Benchmark:
    """What a reader found. `test_only` benchmarks test every class in every fold."""

    classes: tuple[str, ...]
    videos: tuple[RawVideo, ...]
    skipped: tuple[str, ...]
    test_only: bool = False


@dataclass(frozen=True)
class BuildReport:
    """What was written; `skipped` says in one line each what was left out and why."""

    out: Path
    videos: int
    frames: int
    expressions: int
    per_category: Mapping[str, int]
    skipped: tuple[str, ...]


def write_benchmark(benchmark: Benchmark, out: Path, kind: str, progress: bool) -> BuildReport:
    """Write a temporary neighbour of `out` and rename it when everything is there.

    `kind` is noted in it (see stages/data/kind.py).
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists already; remove it or name another folder")
    counts = Counter(raw.video.category for raw in benchmark.videos)
    kept = [name for name in benchmark.classes if counts[name] >= 2]
    few = [name for name in benchmark.classes if counts[name] < 2]
    if not kept:
        raise DataError(
            "no class of the benchmark has the two videos an episode needs; "
            "check that the source is the whole raw dataset"
        )
    chosen = [raw for raw in benchmark.videos if raw.video.category in kept]
    notes = [f"class {name!r} left out: {counts[name]} of the 2 videos it needs" for name in few]
    with whole_folder(out, ()) as partial:
        for raw in _tracked(chosen, progress):
            _write_video(raw, partial)
        write_index([raw.video for raw in chosen], partial)
        write_json(partial / "classes.json", list(benchmark.classes))
        write_kind(partial, kind)
        if few or benchmark.test_only:
            write_json(partial / "folds.json", _folds(benchmark, kept))
    return BuildReport(
        out=out,
        videos=len(chosen),
        frames=sum(len(raw.images) for raw in chosen),
        expressions=sum(len(raw.video.expressions) for raw in chosen),
        per_category={name: counts[name] for name in kept},
        skipped=(*benchmark.skipped, *notes),
    )


def _tracked(videos: list[RawVideo], progress: bool) -> Iterator[RawVideo]:
    if not progress:
        return iter(videos)
    from stages.runtime.progress import track

    return track(videos, description="writing videos")


def _write_video(raw: RawVideo, root: Path) -> None:
    from PIL import Image

    images = root / "train" / "JPEGImages" / raw.video.id
    masks = root / "train" / "Annotations" / raw.video.id
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for i, (name, source) in enumerate(zip(raw.video.frames, raw.images, strict=True)):
        link(source, images / (name + source.suffix.lower()))
        mask = raw.masks(i)
        if isinstance(mask, Path):
            link(mask, masks / f"{name}.png")
        else:
            image = Image.fromarray(mask)
            image.putpalette(davis_palette())
            image.save(masks / f"{name}.png")


def link(source: Path, target: Path) -> None:
    """Hard-link, or copy where links are impossible (another disk, no permission).

    Links in the source are followed first: the result must not point out of its folder.
    """
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_index(videos: Iterable[Video], root: Path) -> None:
    """Write both JSON files of the dataset under `root`, everything in the order given."""
    meta: dict[str, Any] = {}
    words: dict[str, Any] = {}
    for video in videos:
        meta[video.id] = {
            "objects": {str(i): {"category": name} for i, name in video.objects.items()}
        }
        words[video.id] = {
            "frames": list(video.frames),
            "expressions": {
                e.id: {"exp": e.text, "obj_id": str(e.object_id)} for e in video.expressions
            },
        }
    write_json(root / "train" / "meta.json", {"videos": meta})
    write_json(
        root / "meta_expressions" / "train" / "meta_expressions.json",
        {"videos": words},
    )


def _folds(benchmark: Benchmark, kept: list[str]) -> dict[str, dict[str, list[str]]]:
    """Explicit folds: class ids keep their fold although some classes are left out."""
    folds: dict[str, dict[str, list[str]]] = {}
    for fold in FOLDS:
        test = kept
        if not benchmark.test_only:
            ids = {name: i for i, name in enumerate(benchmark.classes)}
            test = [name for name in kept if ids[name] % len(FOLDS) == fold - 1]
        if test:
            folds[str(fold)] = {"test": test, "train": [n for n in kept if n not in test]}
    return folds
