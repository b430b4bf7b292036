"""A2D-Sentences as a test set.

SOURCE holds, at any level, ``a2d_annotation.txt`` (columns video_id, instance_id, query),
``a2d_missed_videos.txt``, ``a2d_annotation_with_instances/<video>/<frame>.h5`` and A2D's
``Release`` (``videoset.csv``, ``clips320H/<video>.mp4``). A clip has the annotated frames of a
video of the test part; frame numbers count from 1. An h5 file holds ``instance`` (ids), ``reMask``
(a mask each, or one) and ``id`` (the kind and action of each).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.builders.choosing import Choices
from stages.data.builders.raw import Benchmark, Ids, RawVideo
from stages.data.builders.sources import find_folders
from stages.data.dataset import Expression, Video
from stages.data.files import clean_expression, plain_name
from stages.data.order import frame_files
from stages.data.video_file import VideoFile

ACTORS = ("adult", "baby", "ball", "bird", "car", "cat", "dog")
"""The kinds of A2D in the order of their numbers, which count from 1."""

_TEST = "1"  # of the column that says train or test, the last one
_UNREADABLE = (OSError, KeyError, RuntimeError, TypeError, ValueError)


def read_a2d(source: Path, choices: Choices) -> Benchmark:
    """The annotated frames of the test videos; faults of single videos are skipped."""
    home = find_folders(source, "a2d_annotation.txt")[0]
    marks = find_folders(source, "a2d_annotation_with_instances")[0]
    release = find_folders(source, "videoset.csv")[0]
    spoken = read_sentences(home / "a2d_annotation.txt")
    missed = home / "a2d_missed_videos.txt"
    left_out = set(missed.read_text(encoding="utf-8").split()) if missed.is_file() else set()
    test = [name for name in _test_videos(release / "videoset.csv") if name not in left_out]
    videos, skipped = [], []
    for name in test:
        if name in spoken:
            folder = marks / "a2d_annotation_with_instances" / name
            try:
                videos.append(_video(name, folder, release / "clips320H", spoken[name]))
            except FsrvosError as fault:
                skipped.append(f"video {name!r} left out: {fault}")
    classes = tuple(actor for actor in ACTORS if any(r.video.category == actor for r in videos))
    return Benchmark(classes, tuple(videos), tuple(skipped), test_only=True, raw=len(test))


def read_sentences(path: Path) -> dict[str, list[tuple[int, str]]]:
    """Video -> instance and sentence, of a table whose first and last columns are those of video
    and sentence; the instance stands between, or is 0.

    Raises DataError, naming the line, where one is no such row.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, skipinitialspace=True)
        next(rows, None)  # names of the columns
        for number, row in enumerate(rows, start=2):
            if len(row) < 2:
                continue
            try:
                instance = int(row[1]) if len(row) > 2 else 0
            except ValueError:
                raise DataError(f"{path}: line {number}: no instance {row[1]!r}") from None
            text = clean_expression(row[-1], f"{path}: line {number}")
            found.setdefault(row[0].strip(), []).append((instance, text))
    return found


@dataclass(frozen=True)
class VideoFrames:
    """Some frames of a video file; numbers count from 0 and rise."""

    path: Path
    numbers: tuple[int, ...]

    def __call__(self, index: int) -> NDArray[np.uint8]:
        return decoded(self.path, self.numbers)[index]


@lru_cache(maxsize=1)  # a video is written frame after frame: it is decoded once
def decoded(path: Path, numbers: tuple[int, ...]) -> tuple[NDArray[np.uint8], ...]:
    """The frames of those numbers, RGB [H, W, 3]; DataError where the video is too short."""
    wanted = set(numbers)
    frames = []
    for number, frame in enumerate(VideoFile(path)):
        if number in wanted:
            frames.append(frame)
        if len(frames) == len(wanted):
            return tuple(frames)
    raise DataError(f"{path}: has no frame {numbers[len(frames)] + 1}; download the video again")


@dataclass(frozen=True)
class InstanceMasks:
    """Masks of A2D's h5 files; object id = instance + 1."""

    paths: tuple[Path, ...]
    frames: VideoFrames

    def __call__(self, index: int) -> Ids:
        height, width = self.frames(index).shape[:2]
        result = np.zeros((height, width), dtype=np.uint8)
        for instance, mask in read_instances(self.paths[index])[0].items():
            upright = mask.T if mask.shape == (width, height) else mask
            if upright.shape != result.shape:
                raise DataError(f"{self.paths[index]}: not of its frame's size, {width}x{height}")
            result[upright] = instance + 1
        return result


def read_instances(path: Path) -> tuple[dict[int, NDArray[np.bool_]], dict[int, int]]:
    """Masks and kinds by instance; axes as the file has them. DataError for a damaged file."""
    try:
        with h5py.File(path, "r") as file:
            numbers = [int(n) for n in np.ravel(file["instance"][()])]
            masks = np.asarray(file["reMask"][()]) > 0
            kinds = [int(k) // 10 for k in np.ravel(file["id"][()])]
        if masks.ndim == 2:
            masks = masks[None]
        return (
            dict(zip(numbers, masks, strict=True)),
            dict(zip(numbers, kinds[: len(numbers)], strict=True)),
        )
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not an A2D annotation ({reason}); download it again") from None


def _test_videos(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in csv.reader(file) if row and row[-1].strip() == _TEST]


def _video(name: str, folder: Path, clips: Path, spoken: Sequence[tuple[int, str]]) -> RawVideo:
    if not plain_name(name):
        raise DataError("its name leaves the folder")
    files = [path for path in frame_files(folder, (".h5",)) if path.stem.isdigit()]
    video = clips / f"{name}.mp4"
    if not files or not video.is_file():
        raise MissingError(f"{video if files else folder}: not there; download it")
    kinds: dict[int, int] = {}
    for path in files:
        kinds.update(read_instances(path)[1])
    objects = {i + 1: _actor(kind, folder) for i, kind in sorted(kinds.items())}
    told = [(i + 1, text) for i, text in spoken if i + 1 in objects]
    if not told:
        raise DataError("none of its sentences is about an annotated object")
    expressions = tuple(
        Expression(name, str(place), text, number) for place, (number, text) in enumerate(told)
    )
    frames = VideoFrames(video, tuple(int(path.stem) - 1 for path in files))
    about = Video(name, tuple(p.stem for p in files), objects, expressions, objects[told[-1][0]])
    return RawVideo(about, frames, InstanceMasks(tuple(files), frames))


def _actor(kind: int, where: Path) -> str:
    if not 1 <= kind <= len(ACTORS):
        raise DataError(f"{where}: kind {kind} is none of A2D's {len(ACTORS)}")
    return ACTORS[kind - 1]
