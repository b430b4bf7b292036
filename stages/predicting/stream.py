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
from stages.predicting.following import Judged, JudgedFrame, encode_frames, judge_frames
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
) -> Generator[FrameAnswer, None, None]:
    """An answer a frame, in order. Close it where it is not read to its end."""
    together = segmenter.config.features.batch_frames
    window = segmenter.config.evaluate.window
    if options.whole_video:
        window = max(window, frames_at_once(segmenter, source))
    finisher = Finisher(segmenter, source, segmenter.threshold(options.threshold))
    frames = ahead(source, together, "decode")
    encoded = encode_frames(segmenter, frames)
    judged = ahead(judge_frames(segmenter, encoded, words, support, window), together, "network")
    answers = ahead(finisher.finish(judged), FRAMES_AHEAD, "finish")
    with closing(frames), closing(judged), closing(answers):
        yield from track(answers, total=source.expected or None, description="predict")


@dataclass(frozen=True)
class Finisher:
    """Brings what is judged of frames to their own size, several frames side by side.

    threshold: presence from which a frame shows an object.
    """

    segmenter: Segmenter
    source: VideoSource
    threshold: float

    def finish(self, judged: Iterable[JudgedFrame]) -> Iterator[FrameAnswer]:
        """An answer a frame."""
        index = 0
        with ThreadPoolExecutor(min(FINISHED_TOGETHER, os.cpu_count() or 1)) as pool:
            for several in batches(judged, FINISHED_TOGETHER):
                yield from pool.map(self.frame, range(index, index + len(several)), several)
                index += len(several)

    def frame(self, index: int, said: JudgedFrame) -> FrameAnswer:
        """The described object in frame `index`."""
        found = self.object(OBJECT, said.frame, said.described)
        return FrameAnswer(index, self.source.name(index), said.frame, (found,))

    def object(self, number: int, frame: Frame, said: Judged) -> ObjectAnswer:
        """One object; its mask is empty where the frame does not show it."""
        presence = float(self.segmenter.calibration.probability(said.presence))
        logits = self.segmenter.at_frame_size(said.masks[None], frame)[0]
        if presence < self.threshold:
            return ObjectAnswer(number, np.zeros(logits.shape, bool), logits, presence, False)
        return ObjectAnswer(number, self.segmenter.mask(frame, logits), logits, presence)
