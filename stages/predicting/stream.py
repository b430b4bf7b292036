"""A video as a stream of answers, frame by frame, in memory that does not grow with it.

Decoding, encoding with the network, and finishing the masks run in a thread each, a bounded number
of frames ahead of whoever draws and writes the answers.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from stages.data.video import VideoSource
from stages.model.inputs import Support, Words
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.following import Judged, JudgedFrame, encode_frames, judge_frames
from stages.predicting.segmenter import Segmenter
from stages.predicting.windows import batches
from stages.runtime.ahead import ahead
from stages.runtime.progress import track

OBJECT = 1  # number of the described object
FINISHED_TOGETHER = 4  # frames whose masks are finished side by side
WINDOW = 16  # frames at once where the configuration says a whole video, which need not fit
FRAMES_AHEAD = 8  # finished, and not yet written


def stream_answers(
    segmenter: Segmenter, source: VideoSource, words: Words, support: Support
) -> Generator[FrameAnswer, None, None]:
    """An answer a frame, in order. Close it where it is not read to its end."""
    together = segmenter.config.features.batch_frames
    window = segmenter.config.evaluate.window or WINDOW
    frames = ahead(source, together, "decode")
    encoded = encode_frames(segmenter, frames)
    judged = ahead(judge_frames(segmenter, encoded, words, support, window), window, "network")
    answers = ahead(_finish(segmenter, source, judged), FRAMES_AHEAD, "finish")
    with closing(frames), closing(judged), closing(answers):
        yield from track(answers, total=source.expected or None, description="predict")


def _finish(
    segmenter: Segmenter, source: VideoSource, judged: Iterable[JudgedFrame]
) -> Iterator[FrameAnswer]:
    """Masks at the frames' own size, several frames side by side."""

    def finish(index: int, said: JudgedFrame) -> FrameAnswer:
        found = _object(segmenter, OBJECT, said, said.described)
        return FrameAnswer(index, source.name(index), said.frame, (found,))

    index = 0
    with ThreadPoolExecutor(min(FINISHED_TOGETHER, os.cpu_count() or 1)) as pool:
        for several in batches(judged, FINISHED_TOGETHER):
            yield from pool.map(finish, range(index, index + len(several)), several)
            index += len(several)


def _object(segmenter: Segmenter, number: int, said: JudgedFrame, of: Judged) -> ObjectAnswer:
    logits = segmenter.at_frame_size(of.masks[None], said.frame)[0]
    mask = segmenter.mask(said.frame, logits)
    return ObjectAnswer(number, mask, logits, float(1 / (1 + np.exp(-of.presence))))
