"""The dataset index: which videos, frames, objects and expressions a folder holds.

The layout is Ref-YouTube-VOS's::

    ROOT/train/JPEGImages/<video>/<frame>.jpg
    ROOT/train/Annotations/<video>/<frame>.png     palette PNG, pixel = object id
    ROOT/train/meta.json                           videos -> objects -> category
    ROOT/meta_expressions/train/meta_expressions.json
    ROOT/classes.json                              optional: ["hat", "plant", ...], ids from 1
    ROOT/folds.json                                optional: see folds.py
    ROOT/sources.json                              optional: see sources.py
    ROOT/dataset.json                              optional: see kind.py
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.images import read_ids, read_rgb


@dataclass(frozen=True)
class Expression:
    """A sentence about one object of one video; `object_id` is the pixel value in the masks."""

    video: str
    id: str
    text: str
    object_id: int


@dataclass(frozen=True)
class Video:
    """One video: frame names in order, objects with their category, and its expressions.

    `category` is that of the last listed expression's object, as in the authors' code.
    """

    id: str
    frames: tuple[str, ...]
    objects: Mapping[int, str]
    expressions: tuple[Expression, ...]
    category: str

    @cached_property
    def targets(self) -> tuple[Expression, ...]:
        """Expressions about objects of the video's own category, in listed order."""
        return tuple(e for e in self.expressions if self.objects[e.object_id] == self.category)


@dataclass(frozen=True)
class FrameFiles:
    """A video's file names by frame name in lower case."""

    images: Mapping[str, str]
    masks: Mapping[str, str]

    @property
    def image_suffix(self) -> str:
        """What the suffix of an image that is not there would be."""
        return next((Path(name).suffix for name in self.images.values()), ".jpg")


class Dataset:
    """A loaded index. Reading pixels happens on request and is not cached.

    `categories` is in class-id order (ids 1..N). `files` holds the file names of each video.
    `sources` holds the pictures that a made video comes from (see sources.py); others have none.
    `kind` names what its builder made (see kind.py), None where nobody wrote it down.
    """

    def __init__(
        self,
        root: Path,
        categories: Iterable[str],
        videos: Iterable[Video],
        *,
        files: Mapping[str, FrameFiles] | None = None,
        sources: Mapping[str, frozenset[str]] | None = None,
        kind: str | None = None,
    ) -> None:
        self.root = root
        self.categories = tuple(categories)
        self.videos: Mapping[str, Video] = {video.id: video for video in videos}
        self.kind = kind
        self._files = dict(files or {})
        self._sources = dict(sources or {})
        self._present: dict[tuple[str, int], frozenset[int]] = {}

    @cached_property
    def by_category(self) -> Mapping[str, tuple[str, ...]]:
        """Video ids per category, sorted, for every category of the class list."""
        grouped: dict[str, list[str]] = {name: [] for name in self.categories}
        for video in self.videos.values():
            grouped.setdefault(video.category, []).append(video.id)
        return {name: tuple(sorted(ids)) for name, ids in grouped.items()}

    @cached_property
    def digest(self) -> str:
        """sha256 over the index: classes, videos, frames, objects and sentences; no pixels."""
        videos = [
            [v.id, v.frames, sorted(v.objects.items()), [astuple(e) for e in v.expressions]]
            for v in sorted(self.videos.values(), key=lambda video: video.id)
        ]
        text = json.dumps([self.categories, videos], ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def unrelated(self, video: str, others: Iterable[str]) -> list[str]:
        """Those of `others` that share no picture with `video`: they may support it."""
        own = self._sources.get(video, frozenset())
        return [o for o in others if not own & self._sources.get(o, frozenset())]

    def frame_path(self, video: str, frame: str) -> Path:
        """Where the image of the frame named `frame` lies."""
        files = self._files[video]
        name = files.images.get(frame.lower(), frame + files.image_suffix)
        return self.root / "train" / "JPEGImages" / video / name

    def mask_path(self, video: str, frame: str) -> Path:
        """Where the palette PNG of the frame named `frame` lies."""
        name = self._files[video].masks.get(frame.lower(), f"{frame}.png")
        return self.root / "train" / "Annotations" / video / name

    def frame(self, video: str, index: int) -> NDArray[np.uint8]:
        """RGB image [H, W, 3] of frame number `index`; DataError when unreadable."""
        return read_rgb(self.frame_path(video, self.videos[video].frames[index]))

    def masks(self, video: str, index: int) -> NDArray[np.uint8]:
        """Object ids [H, W] of frame number `index`, 0 = background."""
        return read_ids(self.mask_path(video, self.videos[video].frames[index]))

    def present(self, video: str, index: int) -> frozenset[int]:
        """Object ids visible in frame number `index` (remembered after the first call)."""
        key = (video, index)
        if key not in self._present:
            counts = np.bincount(self.masks(video, index).ravel(), minlength=256)
            self._present[key] = frozenset(int(i) for i in np.flatnonzero(counts) if i)
        return self._present[key]

    def expression(self, video: str, expression_id: str) -> Expression:
        """The expression of that id; DataError when the dataset has none."""
        if video in self.videos:
            for expression in self.videos[video].expressions:
                if expression.id == expression_id:
                    return expression
        raise DataError(
            f"{self.root}: no expression {expression_id!r} of video {video!r}; "
            "use the dataset that the manifest was made from"
        )
