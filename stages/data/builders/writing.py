"""Writing a benchmark in the layout the program reads: in parallel, going on after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from joblib import delayed

from cache.whole import filling
from configs.errors import DataError
from stages.data.builders.choosing import (
    Choices,
    Step,
    balance,
    cut_to,
    enough_of_each,
    frames_that_show,
    keep_one_category,
    long_enough,
)
from stages.data.builders.raw import Benchmark, RawVideo
from stages.data.building_folder import BuildingFolder, require_new
from stages.data.dataset import Video
from stages.data.files import read_json, write_json
from stages.data.folds import FOLDS
from stages.data.kind import write_kind
from stages.data.overlay import write_mask_png, write_png
from stages.data.parallel import in_parallel

# What the paper prints of Mini-Ref-YouTube-VOS: videos before, of one category, and taken.
PAPER_STEPS = {"mini-ref-youtube-vos": (3471, 2387, 1668)}
PAPER_SENTENCES = {"mini-ref-youtube-vos": 12913}
VERSION = 1
TWO = 2


@dataclass(frozen=True)
class BuildReport:
    """What was written; `skipped` says in one line each what was left out and why, `steps` how
    many videos each choice left."""

    out: Path
    videos: int
    frames: int
    expressions: int
    per_category: Mapping[str, int]
    skipped: tuple[str, ...]
    steps: tuple[str, ...] = ()


def write_benchmark(
    benchmark: Benchmark,
    out: Path,
    kind: str,
    choices: Choices,
    *,
    jobs: int = 1,
    progress: bool = True,
) -> BuildReport:
    """Choose among the videos of `benchmark` and write them into the new folder `out`.

    The same source and choices give the same folder, whatever `jobs` is. A build that was killed
    left its videos beside `out`, and the same build goes on from there. `kind` is noted in it (see
    stages/data/kind.py). Raises UsageError (`out` not empty) or DataError (too little to take).
    """
    require_new(out)
    out = out.absolute()
    few: list[str] = []
    first, single, taken = PAPER_STEPS.get(kind, (None, None, None))
    videos = list(benchmark.videos)
    steps = [Step("read", benchmark.raw or len(videos), first)]
    if choices.one_category:
        videos = keep_one_category(videos)
        steps.append(Step("show objects of one category alone", len(videos), single))
    unlisted = Counter(
        r.video.category for r in videos if r.video.category not in benchmark.classes
    )
    videos = [raw for raw in videos if raw.video.category in benchmark.classes]
    few += [f"category {name!r} is none of the classes: {n} videos" for name, n in unlisted.items()]
    if choices.least_frames > 1 and not choices.drop_absent:
        videos = long_enough(videos, choices.least_frames)
    building = BuildingFolder(out)
    with filling(out, building.path), building.opened(_digest(kind, choices, videos)):
        if choices.drop_absent:
            videos = _shown(building, videos, jobs, progress)
            videos = long_enough(videos, choices.least_frames)
        if choices.drop_absent or choices.least_frames > 1:
            said = f"have {choices.least_frames} frames or more"
            said += " that show what is described" if choices.drop_absent else ""
            steps.append(Step(said, len(videos)))
        videos, notes = enough_of_each(videos, choices.least_videos)
        few += [f"class {name!r} left out: 0 videos of it" for name in _absent(benchmark, unlisted)]
        few += notes
        steps.append(Step(f"of classes with {choices.least_videos} or more", len(videos)))
        videos, cap = balance(videos, choices)
        steps.append(Step(f"with at most {cap or 'all'} of a class", len(videos), taken))
        if not videos:
            raise DataError(
                "no class of the benchmark has the two videos an episode needs; "
                "check that the source is the whole raw dataset"
            )
        _write_all(building, videos, jobs, progress)
        _write_about(building.path, benchmark, videos, benchmark.kind or kind)
        building.clear({raw.video.id for raw in videos})
        building.put(out)
    return _report(out, kind, benchmark, videos, few, steps)


def _absent(benchmark: Benchmark, unlisted: Mapping[str, int]) -> list[str]:
    """Classes of which the source has no video; nothing where it has none of most."""
    found = {raw.video.category for raw in benchmark.videos}
    lacking = [name for name in benchmark.classes if name not in found]
    return lacking if len(lacking) < len(benchmark.classes) // 2 else []


def _report(
    out: Path,
    kind: str,
    benchmark: Benchmark,
    videos: Sequence[RawVideo],
    few: Sequence[str],
    steps: Sequence[Step],
) -> BuildReport:
    counts = Counter(raw.video.category for raw in videos)
    expressions = sum(len(raw.video.expressions) for raw in videos)
    sentences = PAPER_SENTENCES.get(kind)
    beside = f" (the paper: {sentences})" if sentences else ""
    return BuildReport(
        out=out,
        videos=len(videos),
        frames=sum(len(raw.video.frames) for raw in videos),
        expressions=expressions,
        per_category={name: counts[name] for name in benchmark.classes if counts[name]},
        skipped=(*benchmark.skipped, *few),
        steps=(*map(str, steps), f"{expressions} sentences{beside} about them"),
    )


def _digest(kind: str, choices: Choices, videos: Sequence[RawVideo]) -> str:
    """What a build hangs on, as sha256: choices, names and sentences, and the pictures' files."""
    listed = [
        [asdict(raw.video), [str(p) for p in raw.images] if isinstance(raw.images, tuple) else None]
        for raw in videos
    ]
    text = json.dumps([VERSION, kind, asdict(choices), listed])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(
    building: BuildingFolder, videos: Sequence[RawVideo], jobs: int, progress: bool
) -> list[RawVideo]:
    """The videos cut down to the frames that show what their sentences are about."""
    tasks = [delayed(_frames_of)(raw, building) for raw in videos]
    found = in_parallel(tasks, jobs, _counter("reading masks", progress))
    return [cut_to(raw, kept) for raw, kept in zip(videos, found, strict=True) if kept]


def _frames_of(raw: RawVideo, building: BuildingFolder) -> tuple[int, ...]:
    note = building.note(f"frames-{raw.video.id}")
    if not note.exists():
        write_json(note, frames_that_show(raw))
    return tuple(read_json(note))


def _write_all(
    building: BuildingFolder, videos: Sequence[RawVideo], jobs: int, progress: bool
) -> None:
    tasks = [delayed(_write_video)(raw, building) for raw in videos]
    in_parallel(tasks, jobs, _counter("writing videos", progress))


def _counter(what: str, progress: bool) -> Any:
    if not progress:
        return None
    from stages.runtime.progress import counter

    return counter(what)


def _write_video(raw: RawVideo, building: BuildingFolder) -> None:
    """Write one video, unless it is written already."""
    cv2.setNumThreads(1)
    if building.note(raw.video.id).exists():
        return
    pictures, masks = building.video(raw.video.id)
    for i, name in enumerate(raw.video.frames):
        if isinstance(raw.images, tuple):
            source = raw.images[i]
            link(source, pictures / (name + source.suffix.lower()))
        else:
            write_png(pictures / f"{name}.png", raw.images(i))
        mask = raw.masks(i)
        if isinstance(mask, np.ndarray):
            write_mask_png(masks / f"{name}.png", mask)
        else:
            link(mask, masks / f"{name}.png")
    building.finish(raw.video.id, len(raw.video.frames))


def link(source: Path, target: Path) -> None:
    """Hard-link, or copy where links are impossible (another disk, no permission).

    Links in the source are followed first: the result must not point out of its folder.
    """
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_about(root: Path, benchmark: Benchmark, videos: Sequence[RawVideo], kind: str) -> None:
    """Everything of the dataset but its pictures and masks."""
    write_index([raw.video for raw in videos], root)
    write_json(root / "classes.json", list(benchmark.classes))
    write_kind(root, kind)
    counts = Counter(raw.video.category for raw in videos)
    kept = [name for name in benchmark.classes if counts[name] >= TWO]  # what an episode takes
    if len(kept) < len(benchmark.classes) or benchmark.test_only:
        write_json(root / "folds.json", _folds(benchmark, kept))


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
        if test or benchmark.test_only:
            folds[str(fold)] = {"test": test, "train": [n for n in kept if n not in test]}
    return folds
