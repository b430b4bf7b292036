"""A video whose frames are looked at one by one, in any order."""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import partial
from pathlib import Path
from threading import Lock, Thread

import numpy as np
from numpy.typing import NDArray

from configs.errors import FsrvosError
from stages.data.excerpt import Excerpt, Moment
from stages.data.overlay import Tile
from stages.data.resize import resize_frame
from stages.data.video import read_video
from stages.predicting.results.sheet import SpreadTiles

Frame = NDArray[np.uint8]

STRIP = 48  # small frames that are shown of a whole video
SMALL_HEIGHT = 90  # pixels
LONGEST_NAME = 40  # letters, of up to four bytes each
HELD = 8  # frames that are kept decoded

_STRANGE = re.compile(r"[^\w-]+")


class Film:
    """A video file or folder of images. It is read once from end to end beside other work.

    Attributes:
        path: where it is.
        name: a plain name for its frames.
        height, width: of every frame, in pixels.
    """

    def __init__(self, path: Path) -> None:
        """Raises MissingError or DataError, as `read_video`."""
        self.path = path
        plain = _STRANGE.sub("-", path.resolve().stem).lower().strip("-_")
        self.name = plain[:LONGEST_NAME] or "video"
        first = read_video(path)
        self.height, self.width = first.height, first.width
        self._small = SpreadTiles(STRIP)
        self._count: int | None = None
        self._lack: str | None = None
        self._held = OrderedDict[int, Frame]()
        self._lock = Lock()
        self._survey = Thread(target=self._look_through, name=f"survey of {path}", daemon=True)
        self._survey.start()

    @property
    def count(self) -> int | None:
        """How many frames there are, None while they are being counted."""
        return self._count

    @property
    def lack(self) -> str | None:
        """One line where the video cannot be read to its end."""
        return self._lack

    def counted(self) -> int:
        """How many frames there are, as soon as that is known."""
        self._survey.join()
        return self._count or 0

    def strip(self) -> list[int]:
        """Numbers of the frames that `small` shows, spread over what has been read."""
        return [int(tile.label) for tile in list(self._small.held)]

    def small(self, number: int) -> Frame | None:
        """One of the frames of the strip, small; None where it is none of them."""
        held = (tile.image for tile in list(self._small.held) if tile.label == str(number))
        return next(held, None)

    def frame(self, number: int) -> Frame:
        """Frame `number`, counted from 0, RGB [H, W, 3]. DataError where there is none.

        All before it are decoded, since no video's own index is trusted.
        """
        with self._lock:
            if number not in self._held:
                only = Excerpt(Moment(frame=number), Moment(frame=number + 1))
                self._held[number] = next(iter(read_video(self.path, only)))
                while len(self._held) > HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(number)
            return self._held[number]

    def _look_through(self) -> None:
        number = 0
        try:
            source = read_video(self.path)
            for number, frame in enumerate(source, start=1):
                self._small.offer(partial(_small_tile, frame, number - 1))
            self._lack = source.shortfall
        except FsrvosError as error:
            self._lack = str(error)
        self._count = number


def _small_tile(frame: Frame, number: int) -> Tile:
    height = min(SMALL_HEIGHT, frame.shape[0])
    width = max(1, round(frame.shape[1] * height / frame.shape[0]))
    return Tile(resize_frame(frame, (height, width)), str(number))
