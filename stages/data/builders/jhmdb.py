"""JHMDB-Sentences as a test set: one person a video.

SOURCE holds, at any level, ``jhmdb_annotation.txt`` (columns video_id, query),
``Rename_Images/<action>/<video>/<frame>.png`` and ``puppet_mask/<action>/<video>/puppet_mask.mat``,
whose ``part_mask`` is [H, W, T]. Frames without a mask at the end of a video are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.builders.a2d import read_sentences
from stages.data.builders.choosing import Choices
from stages.data.builders.raw import Benchmark, Ids, RawVideo
from stages.data.builders.sources import find_folders
from stages.data.dataset import Expression, Video
from stages.data.order import frame_files

PERSON = "person"


def read_jhmdb(source: Path, choices: Choices) -> Benchmark:
    """All videos that have sentences; faults of single videos are skipped."""
    home = find_folders(source, "jhmdb_annotation.txt")[0]
    spoken = read_sentences(home / "jhmdb_annotation.txt")
    images = _by_video(find_folders(source, "Rename_Images")[0] / "Rename_Images")
    masks = _by_video(find_folders(source, "puppet_mask")[0] / "puppet_mask")
    videos, skipped = [], []
    for name, told in spoken.items():
        try:
            videos.append(_video(name, told, images, masks))
        except FsrvosError as fault:
            skipped.append(f"video {name!r} left out: {fault}")
    return Benchmark((PERSON,), tuple(videos), tuple(skipped), test_only=True, raw=len(spoken))


@dataclass(frozen=True)
class PuppetMask:
    """The masks of one video, [H, W, T] of parts of the body."""

    path: Path

    def __call__(self, index: int) -> Ids:
        return (parts_of(self.path)[..., index] > 0).astype(np.uint8)


@lru_cache(maxsize=1)
def parts_of(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W, T]; DataError where the file holds none."""
    from scipy.io import loadmat

    try:
        found = loadmat(path, variable_names=["part_mask"])["part_mask"]
    except (OSError, KeyError, ValueError, TypeError, NotImplementedError) as error:
        raise DataError(f"{path}: no part_mask in it ({error}); download it again") from None
    if found.ndim != 3:
        raise DataError(f"{path}: part_mask is not [height, width, frames]; download it again")
    return np.asarray(found, dtype=np.uint8)


def _by_video(folder: Path) -> Mapping[str, Path]:
    """Video -> its folder, whatever the action."""
    return {p.name: p for p in sorted(folder.glob("*/*")) if p.is_dir() and p.name[0] != "."}


def _video(
    name: str,
    told: Sequence[tuple[int, str]],
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
) -> RawVideo:
    if name not in images or name not in masks:
        raise MissingError("its frames or its masks are not there; download them")
    mask = masks[name] / "puppet_mask.mat"
    count = parts_of(mask).shape[2]
    frames = tuple(path.stem for path in frame_files(images[name], (".png",))[:count])
    if not frames:
        raise DataError("it has no frame with a mask")
    expressions = tuple(
        Expression(name, str(place), text, 1) for place, (_, text) in enumerate(told)
    )
    files = tuple(images[name] / f"{frame}.png" for frame in frames)
    return RawVideo(Video(name, frames, {1: PERSON}, expressions, PERSON), files, PuppetMask(mask))
