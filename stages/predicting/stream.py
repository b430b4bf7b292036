"""A video as a stream of answers, frame by frame, in memory that does not grow with it.

Decoding, encoding with the network, and finishing the masks run in a thread each, a bounded number
of frames ahead of whoever draws and writes the answers.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from stages.data.video import VideoSource
from stages.model.inputs import Support, Words
from stages.predicting.answers import Frame, FrameAnswer, ObjectAnswer
from stages.predicting.following import JudgedFrame, encode_frames, judge_frames
from stages.predicting.instances import Instances, Picked
from stages.predicting.options import PredictOptions
from stages.predicting.room import frames_at_once
from stages.predicting.segmenter import Segmenter
from stages.predicting.windows import batches
from stages.runtime.ahead import ahead
from stages.runtime.progress import track

OBJECT = 1  # number of the described object
FINISHED_TOGETHER = 4  # frames whose masks are finished side by side
WINDOW = 16  # frames at once where the configuration says a whole video, which need not fit
FRAMES_AHEAD = 8  # finished, and not yet written


def stream_answers(
    segmenter: Segmenter,
    source: VideoSource,
    words: Words,
    support: Support,
    options: PredictOptions = PredictOptions(),  # noqa: B008  frozen
    instances: Instances | None = None,
    frames: Iterable[Frame] | None = None,
    first: int = 0,
) -> Generator[FrameAnswer, None, None]:
    """An answer a frame, in order. Close it where it is not read to its end.

    instances: what picks several objects; without it, the described object is the only one.
    frames: those of the source from number `first` on, where some have been read.
    """
    together = segmenter.config.features.batch_frames
    window = segmenter.config.evaluate.window or WINDOW
    if options.whole_video:
        window = max(window, frames_at_once(segmenter, source))
    finisher = Finisher(segmenter, source, segmenter.threshold(options.threshold), first)
    decoded = ahead(source if frames is None else frames, together, "decode")
    encoded = encode_frames(segmenter, decoded)
    judged = ahead(judge_frames(segmenter, encoded, words, support, window), together, "network")
    picked = ((said, None if instances is None else instances.of(said)) for said in judged)
    answers = ahead(finisher.finish(picked), FRAMES_AHEAD, "finish")
    with closing(decoded), closing(judged), closing(answers):
        yield from track(answers, total=source.expected or None, description="predict")


@dataclass(frozen=True)
class Finisher:
    """Brings what is judged of frames to their own size, several frames side by side.

    threshold: presence from which a frame shows the described object. first: number of the first.
    """

    segmenter: Segmenter
    source: VideoSource
    threshold: float
    first: int = 0

    def finish(
        self, picked: Iterable[tuple[JudgedFrame, list[Picked] | None]]
    ) -> Iterator[FrameAnswer]:
        """An answer a frame: of the described object, or of those that were picked."""
        index = self.first
        with ThreadPoolExecutor(min(FINISHED_TOGETHER, os.cpu_count() or 1)) as pool:
            for several in batches(picked, FINISHED_TOGETHER):
                yield from pool.map(self.frame, range(index, index + len(several)), several)
                index += len(several)

    def frame(self, index: int, judged: tuple[JudgedFrame, list[Picked] | None]) -> FrameAnswer:
        """What is found in frame `index`."""
        said, picked = judged
        objects = tuple(self.object(said, one, True) for one in picked or ())
        if not objects:
            described = self.described(said)
            present = picked is None and described.score >= self.threshold
            objects = (self.object(said, described, present),)
        at = self.source.times.seconds(index)
        return FrameAnswer(index, self.source.name(index), said.frame, objects, at)

    def described(self, said: JudgedFrame) -> Picked:
        """The described object, its score the probability that the frame shows it."""
        presence = self.segmenter.calibration.probability(said.described.presence)
        return Picked(OBJECT, said.described, float(presence))

    def object(self, said: JudgedFrame, picked: Picked, present: bool) -> ObjectAnswer:
        """One object; its mask is empty where the frame does not show it."""
        logits = self.segmenter.at_frame_size(picked.judged.masks[None], said.frame)[0]
        mask = np.zeros(logits.shape, bool)
        if present:
            mask = self.segmenter.mask(said.frame, logits)
        return ObjectAnswer(picked.number, mask, logits, picked.score, present)
