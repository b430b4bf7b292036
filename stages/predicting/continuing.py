"""A prediction that ended early, and how it goes on: finished frames are taken as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import DataError
from stages.data.images import open_mask, read_ids, stored_ids
from stages.data.video import VideoSource
from stages.model.inputs import Support, Words
from stages.predicting.answers import Frame, FrameAnswer, ObjectAnswer
from stages.predicting.options import PredictOptions
from stages.predicting.results.selection import MASKS, SOFT
from stages.predicting.segmenter import Segmenter
from stages.predicting.stream import OBJECT, WINDOW, stream_answers

WINDOWS_AGAIN = 3
"""Windows before the break that the network sees again, to know what it was following."""


@dataclass(frozen=True)
class FinishedPart:
    """The frames of a prediction that are finished; rows: as scores.json has them."""

    folder: Path
    rows: tuple[Mapping[str, Any], ...]
    soft: bool

    @classmethod
    def of(cls, folder: Path, scores: Mapping[str, Any], soft: bool) -> FinishedPart:
        """Those of a prediction's folder and its scores.json.

        Of a video that was damaged, the last frame may be half a picture and is left out.
        """
        rows = tuple(scores["frames"])
        return cls(folder, rows if scores.get("interrupted") else rows[:-1], soft)

    def answer(self, index: int, name: str, frame: Frame, at: Fraction) -> FrameAnswer:
        """What was said of a frame. DataError where its files do not fit it."""
        mask = read_ids(self.folder / MASKS / f"{name}.png") == OBJECT
        if mask.shape != frame.shape[:2] or self.rows[index]["frame"] != name:
            raise DataError(
                f"{self.folder}: frame {name} is not of this video; leave out --continue"
            )
        logits = np.where(mask, np.float32(30), np.float32(-30))
        if self.soft:
            grey = stored_ids(open_mask(self.folder / SOFT / f"{name}.png"))
            share = grey.astype(np.float64) / 255
            with np.errstate(divide="ignore"):
                logits = np.log(share / (1 - share)).clip(-30, 30).astype(np.float32)
        row = self.rows[index]
        found = ObjectAnswer(OBJECT, mask, logits, float(row["score"]), bool(row["present"]))
        return FrameAnswer(index, name, frame, (found,), at)


def go_on(
    segmenter: Segmenter,
    source: VideoSource,
    words: Words,
    support: Support,
    options: PredictOptions,
    done: FinishedPart,
) -> Generator[FrameAnswer, None, None]:
    """An answer a frame: those that are finished, then the network's.

    The network begins some windows before the break, without what it knew of all before.
    """
    window = segmenter.config.evaluate.window
    again = len(done.rows) if options.whole_video else WINDOWS_AGAIN * (window or WINDOW)
    frames, latest = iter(source), deque[Frame](maxlen=again)
    for index, frame in enumerate(islice(frames, len(done.rows))):
        latest.append(frame)
        yield done.answer(index, source.name(index), frame, source.times.seconds(index))
    first = len(done.rows) - len(latest)
    seen = len(latest)
    rest = stream_answers(
        segmenter, source, words, support, options, frames=chain(latest, frames), first=first
    )
    with closing(rest) as answers:
        yield from islice(answers, seen, None)


@dataclass
class Ended:
    """Whether a person ended the work."""

    by_person: bool = False


def require_better(before: Mapping[str, Any], frames: int) -> None:
    """KeyboardInterrupt where what an interrupted prediction would replace is whole or longer."""
    if before and (not before.get("shortfall") or len(before.get("frames", ())) >= frames):
        raise KeyboardInterrupt
