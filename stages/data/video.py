"""Videos as one pass of frames: a file, or a folder of images.

Frames come in order, one at a time; nothing seeks and no frame count is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.excerpt import WHOLE, Excerpt, Selection
from stages.data.frame_times import FrameTimes
from stages.data.images import read_rgb
from stages.data.order import frame_files
from stages.data.video_file import Frame, VideoFile, no_frames

FOLDER_FPS = 10
"""Frame rate given to a folder of images, which has none of its own."""

MIN_SIDE = 24
"""Least height and width of a frame, in pixels: below, an object covers no cell of the masks."""


MOST_PIXELS = 8192 * 4320
"""Of a frame, 8K: several frames are held at once."""


class Reading(Protocol):
    """What a video's frames come from; `shortfall` is known after the last of them."""

    @property
    def fps(self) -> float:
        """Frames a second."""

    @property
    def expected(self) -> int:
        """Frames that are claimed to be there, 0 where nothing is claimed."""

    @property
    def times(self) -> FrameTimes:
        """When the frames that came are shown."""

    def name(self, index: int) -> str:
        """What the index-th frame that came is called; known once it has come."""

    @property
    def shortfall(self) -> str | None:
        """One line when fewer frames came than are claimed."""

    def __iter__(self) -> Iterator[Frame]:
        """RGB frames [H, W, 3]."""


class VideoSource:
    """A video opened for one pass. Iterating gives RGB frames [H, W, 3].

    `fps` is in frames a second, `expected` the number of frames the file claims (0 = unknown; for
    progress bars only). `name(i)` is the file stem under which results of frame i are saved,
    `times` tells when the frames that were read are shown.
    `shortfall` is None, or after the pass one line that says how much of the file is missing.
    to_damage: damage after the first frame is where the pass ends, and its shortfall.
    """

    def __init__(
        self, path: Path, reading: Reading, excerpt: Excerpt = WHOLE, to_damage: bool = False
    ) -> None:
        self._to_damage = to_damage
        self._ended: str | None = None
        self.path, self.excerpt = path, excerpt
        self.fps = reading.fps
        self.expected = reading.expected
        self.times = reading.times
        self._reading = reading
        frames = iter(reading)
        try:
            self._first: Frame | None = next(frames)
        except StopIteration:
            if excerpt == WHOLE:
                raise no_frames(path) from None
            raise DataError(f"{path}: no frame lies {excerpt}; the video is shorter") from None
        self._frames = frames
        self.height, self.width = self._first.shape[:2]
        if min(self.height, self.width) < MIN_SIDE:
            raise DataError(
                f"{path}: frames of {self.width} x {self.height} pixels are too small to show "
                f"anything; give at least {MIN_SIDE} x {MIN_SIDE}"
            )
        if self.height * self.width > MOST_PIXELS:
            raise DataError(
                f"{path}: frames of {self.width} x {self.height} pixels are larger than 8K; "
                "shrink them (fsrvos predict --max-side 2160)"
            )

    def __iter__(self) -> Iterator[Frame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        try:
            yield from self._frames
        except FsrvosError as damage:
            if not self._to_damage:
                raise
            self.end(str(damage))

    def end(self, shortfall: str) -> None:
        """Nothing more is read of it, and why, in one line."""
        self._ended = shortfall

    def name(self, index: int) -> str:
        """The image's own name in a folder, else the frame number with five digits.

        index: among the frames that have been read.
        """
        return self._reading.name(index)

    @property
    def shortfall(self) -> str | None:
        """What the file claims to hold and what it held, once it has been read to its end."""
        return self._ended or self._reading.shortfall


def read_video(
    path: Path | str, excerpt: Excerpt = WHOLE, *, to_damage: bool = False
) -> VideoSource:
    """Open a video file or a folder of images (in natural order) and decode its first frame.

    excerpt: the part of it that is read, as if that were the video; frames keep their names.

    Raises MissingError when nothing is there, DataError when it is no video, holds no frame or is
    damaged; damage further in raises DataError from the iteration, or `to_damage` ends it with a
    `shortfall`. A file cut short gives the frames that are there, and then its `shortfall`.
    """
    path = Path(path)
    if path.is_dir():
        return VideoSource(path, FrameFolder(path, excerpt), excerpt, to_damage)
    if not path.is_file():
        raise MissingError(f"{path}: no such video; check the path")
    return VideoSource(path, VideoFile(path, excerpt), excerpt, to_damage)


class FrameFolder:
    """The images of a folder as frames, read on iteration."""

    shortfall: str | None = None

    def __init__(self, path: Path, excerpt: Excerpt = WHOLE) -> None:
        files = frame_files(path)
        if not files:
            hint = "give a video or a folder of frames"
            raise DataError(f"{path}: the folder holds no images; {hint}")
        names = tuple(f.stem for f in files)
        if len(set(names)) != len(names):
            hint = "results are saved by name, rename one"
            raise DataError(f"{path}: two images share a name; {hint}")
        self._files = files
        self._excerpt = excerpt
        self._selection = Selection(excerpt)
        self.fps = FOLDER_FPS / excerpt.stride
        self.expected = excerpt.count(len(files), FOLDER_FPS)
        self.times = FrameTimes(Fraction(1, FOLDER_FPS))

    def name(self, index: int) -> str:
        """The image's own."""
        return self._files[self._selection.number(index)].stem

    def __iter__(self) -> Iterator[Frame]:
        size: tuple[int, ...] | None = None
        for number, file in enumerate(self._files):
            if self._selection.over(number, number / FOLDER_FPS):
                return
            self.times.next(number, number, 1)
            if not self._selection.takes(number, number / FOLDER_FPS):
                continue
            self.times.take()
            frame = read_rgb(file)
            size = size or frame.shape
            if frame.shape != size:
                raise DataError(
                    f"{file}: {frame.shape[1]} x {frame.shape[0]} pixels, but the frames before "
                    f"it have {size[1]} x {size[0]}; give frames of one size"
                )
            yield self._excerpt.shrink(frame)
