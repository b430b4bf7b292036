"""A trial: what a run makes of a video with the sketches drawn so far, on some of its frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from configs.errors import FsrvosError
from stages.data.excerpt import Excerpt
from stages.data.support import SupportSet
from stages.data.video import read_video
from stages.drawing.film import Film
from stages.predicting.segmenter import Segmenter
from stages.predicting.stream import stream_answers

FRAMES = 30  # of a video, at most, spread evenly: enough to judge by, and soon there


@dataclass(frozen=True)
class Tried:
    """Frame `number` of the video as predicted: mask [H, W] and presence in [0, 1]."""

    number: int
    mask: NDArray[np.bool_]
    presence: float


class Trial:
    """A prediction that runs beside the server. `frames` grows; `error` is one line, or None.

    segmenter: gives the run, which the first trial loads.
    """

    def __init__(
        self,
        segmenter: Callable[[], Segmenter],
        film: Film,
        support: SupportSet,
        expression: str,
    ) -> None:
        self.film, self.expression = film, expression
        self.frames: list[Tried] = []
        self.stride: int | None = None
        self.error: str | None = None
        self._segmenter, self._support = segmenter, support
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="trial", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether frames are still to come."""
        return self._thread.is_alive()

    @property
    def expected(self) -> int:
        """How many frames there will be, 0 while that is not known."""
        count = self.film.count or 0
        return 0 if self.stride is None else len(range(0, count, self.stride))

    def stop(self) -> None:
        """End it after the window that is being answered."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._predict()
        except FsrvosError as error:
            self.error = str(error)
        except BaseException as error:
            self.error = f"unexpected {type(error).__name__}: {error}"
            raise

    def _predict(self) -> None:
        segmenter = self._segmenter()
        self.stride = stride = max(1, -(-self.film.counted() // FRAMES))
        support, words = segmenter.support(self._support), segmenter.words(self.expression)
        source = read_video(self.film.path, Excerpt(stride=stride))
        with closing(stream_answers(segmenter, source, words, support)) as answers:
            for answer in answers:
                number = answer.index * stride
                self.frames.append(Tried(number, answer.mask, answer.presence))
                if self._stopped.is_set():
                    return
