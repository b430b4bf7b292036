"""`fsrvos data check`: every fault of a dataset or support folder, pixels included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import FsrvosError, MissingError
from stages.data.contact import dataset_sheet, support_sheet
from stages.data.dataset import Dataset, Video
from stages.data.folds import folds_of, test_categories
from stages.data.images import UPRIGHT, image_header
from stages.data.index import scan
from stages.data.overlay import write_png
from stages.data.support import scan_support
from stages.data.support.mask_pixels import looks_smoothed


@dataclass(frozen=True)
class CheckReport:
    """What was checked, how much of it there is, and every fault as one line each.

    `remarks` say how a support folder was understood, where a person may want to know. `sheet` is
    the contact sheet of what was understood, None where nothing could be.
    """

    kind: str
    counts: dict[str, int]
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    sheet: Path | None = None

    @property
    def sound(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults


def check(
    folder: Path | str,
    progress: bool = True,
    *,
    expression: str | None = None,
    sheet: Path | None = None,
) -> CheckReport:
    """Check a dataset, or a support folder when `folder` looks like one.

    expression: the sentence of a support folder, in place of support.toml's. sheet: where a contact
    sheet of what was understood is written. Raises MissingError only when there is no such folder;
    everything else is in the report.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such folder; give a dataset or a support folder")
    looks_like_dataset = (folder / "train").is_dir() or (folder / "meta_expressions").is_dir()
    if (folder / "support.toml").exists() or not looks_like_dataset:
        return _check_support(folder, expression, sheet)
    return _check_dataset(folder, progress, sheet)


def _check_support(folder: Path, expression: str | None, sheet: Path | None) -> CheckReport:
    support, faults = scan_support(folder, expression=expression)
    lines = tuple(map(str, faults))
    if support is None:
        return CheckReport("support", {"frames": 0}, lines)
    drawn = _write(sheet, support_sheet(support))
    counts = {"frames": len(support.frames)}
    remarks = (f"{folder}: read as {support.format}", *support.remarks)
    return CheckReport("support", counts, lines, remarks, drawn)


def _write(sheet: Path | None, picture: NDArray[np.uint8] | None) -> Path | None:
    if sheet is None or picture is None:
        return None
    write_png(sheet, picture)
    return sheet


def _check_dataset(folder: Path, progress: bool, sheet: Path | None) -> CheckReport:
    dataset, faults = scan(folder)
    lines = [str(fault) for fault in faults]
    if dataset is None:
        return CheckReport("dataset", {}, tuple(lines))
    videos: Iterable[Video] = dataset.videos.values()
    if progress:
        from stages.runtime.progress import track

        videos = track(list(videos), description="checking videos")
    for video in videos:
        lines.extend(_video_faults(dataset, video))
    lines.extend(_episode_faults(dataset))
    counts = {
        "videos": len(dataset.videos),
        "frames": sum(len(v.frames) for v in dataset.videos.values()),
        "expressions": sum(len(v.expressions) for v in dataset.videos.values()),
        "categories": len(dataset.categories),
    }
    drawn = _write(sheet, dataset_sheet(dataset))
    return CheckReport("dataset", counts, tuple(dict.fromkeys(lines)), sheet=drawn)


def _video_faults(dataset: Dataset, video: Video) -> Iterator[str]:
    """Unreadable files, sizes that differ, ids that meta.json lacks, objects that never show."""
    seen: set[int] = set()
    first: tuple[int, ...] | None = None
    broken = False
    for index, name in enumerate(video.frames):
        path = dataset.mask_path(video.id, name)
        try:
            frame, ids = dataset.frame(video.id, index), dataset.masks(video.id, index)
        except FsrvosError as fault:
            broken = True
            if not isinstance(fault, MissingError):  # the scan has named missing files
                yield str(fault)
            continue
        size = frame.shape[:2]
        first = first or size
        image = dataset.frame_path(video.id, name)
        if image_header(image)[2] != UPRIGHT:
            yield f"{image}: EXIF turns the picture, and not its mask; save it turned, without EXIF"
        if ids.shape != size:
            yield f"{path}: the mask is {_size(ids.shape)}, its image {_size(size)}; resize it"
        if size != first:
            yield f"{image}: {_size(size)}, but the first frame is {_size(first)}; resize it"
        if looks_smoothed(ids):
            yield f"{path}: looks smoothed, or saved as JPEG; save it with the ids alone"
            continue
        there = {int(i) for i in np.flatnonzero(np.bincount(ids.ravel())) if i}
        unknown = sorted(there - set(video.objects))
        if unknown:
            yield f"{path}: object {unknown[0]} is not in meta.json; add it or repaint the mask"
        seen |= there
    for expression in video.expressions:
        if expression.object_id not in seen and not broken:
            yield (
                f"{dataset.root}: video {video.id!r}: object {expression.object_id} of expression "
                f"{expression.id!r} shows in no mask; correct obj_id or remove the expression"
            )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def _episode_faults(dataset: Dataset) -> Iterator[str]:
    """Folds that cannot be read, and test categories without a query and a support video."""
    try:
        tested = set(dataset.categories)  # the four default folds test every category once
        if (dataset.root / "folds.json").exists():
            tested = {c for fold in folds_of(dataset) for c in test_categories(dataset, fold)}
    except FsrvosError as fault:
        yield str(fault)
        return
    for category in dataset.categories:
        count = len(dataset.by_category.get(category, ()))
        if category in tested and count < 2:
            yield (
                f"{dataset.root}: category {category!r} has {count} of the 2 videos an episode "
                "needs; add videos or leave it out in folds.json"
            )
