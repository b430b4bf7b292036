"""What a reader of a raw dataset gives: chosen videos, and where their pixels come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.dataset import Video
from stages.data.images import image_size, read_ids
from stages.data.outlines import Polygons, RunLengths, fill
from stages.data.rle import decode_rle

Ids = NDArray[np.uint8]


class Masks(Protocol):
    """A video's masks: ids [H, W] of a frame, or the path of a raw file that can stay as it is."""

    def __call__(self, index: int) -> Ids | Path:
        """The masks of frame number `index`."""


class Images(Protocol):
    """A video's pictures, where no file holds them: RGB [H, W, 3] of a frame."""

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """The picture of frame number `index`."""


@dataclass(frozen=True)
class RawVideo:
    """A chosen video. `images` holds a path a frame of `video.frames`, or gives the pictures."""

    video: Video
    images: tuple[Path, ...] | Images
    masks: Masks


@dataclass(frozen=True)
class Benchmark:
    """What a reader found.

    `test_only` benchmarks test every class in every fold. `raw` counts the videos that the source
    holds. `skipped` says in one line each what was left out and why. `kind` is what it turned out
    to be, where the builder's name does not say it.
    """

    classes: tuple[str, ...]
    videos: tuple[RawVideo, ...]
    skipped: tuple[str, ...]
    test_only: bool = False
    raw: int = 0
    kind: str | None = None


@dataclass(frozen=True)
class MaskFiles:
    """Masks as files of ids."""

    paths: tuple[Path, ...]

    def __call__(self, index: int) -> Path:
        return self.paths[index]


@dataclass(frozen=True)
class OneLabel:
    """Masks as files in which every label above 0 is the one object."""

    paths: tuple[Path, ...]
    object_id: int

    def __call__(self, index: int) -> Ids:
        return np.where(read_ids(self.paths[index]) > 0, self.object_id, 0).astype(np.uint8)


@dataclass(frozen=True)
class RunLengthMasks:
    """Run-length masks by object id, one a frame or None; the higher id is kept where two overlap.

    `images` tell the size. `where` names the file.
    """

    images: tuple[Path, ...]
    objects: Mapping[int, tuple[Any, ...]]
    where: str

    def __call__(self, index: int) -> Ids:
        result = np.zeros(image_size(self.images[index]), dtype=np.uint8)
        for object_id, runs in sorted(self.objects.items()):
            if runs[index] is None:  # the object does not show in this frame
                continue
            mask = decode_rle(runs[index], self.where)
            if mask.shape != result.shape:
                raise DataError(f"{self.where}: not of the size of {self.images[index]}")
            result[mask] = object_id
        return result


@dataclass(frozen=True)
class Outlined:
    """One picture with an outline an object, the first on top."""

    image: Path
    outlines: Mapping[int, Polygons | RunLengths]
    where: str

    def __call__(self, index: int) -> Ids:
        size = image_size(self.image)
        result = np.zeros(size, dtype=np.uint8)
        for object_id, outline in reversed(list(self.outlines.items())):
            result[fill(outline, size, f"{self.where}, object {object_id}")] = object_id
        return result
