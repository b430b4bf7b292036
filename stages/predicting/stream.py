"""A video as a stream of answers, frame by frame, in memory that does not grow with it.

Decoding, encoding with the network, and finishing the masks run in a thread each, a bounded number
of frames ahead of whoever draws and writes the answers.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import numpy as np

from stages.data.video import VideoSource
from stages.model.inputs import Support, Words
from stages.predicting.answers import Frame, FrameAnswer, ObjectAnswer
from stages.predicting.following import JudgedFrame, encode_frames, judge_frames
from stages.predicting.instances import Instances, Picked, likely
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
    decoded = ahead(source if frames is None else frames, together, "decode")
    encoded = encode_frames(segmenter, decoded)
    judged = ahead(judge_frames(segmenter, encoded, words, support, window), window, "network")
    picked = ((said, _picked(said, instances)) for said in judged)
    answers = ahead(_finish(segmenter, source, picked, first), FRAMES_AHEAD, "finish")
    with closing(decoded), closing(judged), closing(answers):
        yield from track(answers, total=source.expected or None, description="predict")


def _picked(said: JudgedFrame, instances: Instances | None) -> list[Picked]:
    """The objects of a frame: what is described, or the instances that pass."""
    return [_described(said)] if instances is None else instances.of(said)


def _described(said: JudgedFrame) -> Picked:
    return Picked(OBJECT, said.described, likely(said.described.presence))


def _finish(
    segmenter: Segmenter,
    source: VideoSource,
    picked: Iterable[tuple[JudgedFrame, list[Picked]]],
    first: int,
) -> Iterator[FrameAnswer]:
    """Masks at the frames' own size, several frames side by side."""

    def finish(index: int, frame: tuple[JudgedFrame, list[Picked]]) -> FrameAnswer:
        said, objects = frame
        found = tuple(_object(segmenter, said, one) for one in objects)
        if not found:
            described = _object(segmenter, said, _described(said))
            found = (replace(described, mask=np.zeros_like(described.mask)),)
        at = source.times.seconds(index)
        return FrameAnswer(index, source.name(index), said.frame, found, at)

    index = first
    with ThreadPoolExecutor(min(FINISHED_TOGETHER, os.cpu_count() or 1)) as pool:
        for several in batches(picked, FINISHED_TOGETHER):
            yield from pool.map(finish, range(index, index + len(several)), several)
            index += len(several)


def _object(segmenter: Segmenter, said: JudgedFrame, picked: Picked) -> ObjectAnswer:
    logits = segmenter.at_frame_size(picked.judged.masks[None], said.frame)[0]
    mask = segmenter.mask(said.frame, logits)
    return ObjectAnswer(picked.number, mask, logits, picked.score)
