"""A video as a stream of answers, frame by frame, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator

from stages.data.video import VideoSource
from stages.model.inputs import Support, Words
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.segmenter import Segmenter
from stages.predicting.windows import windows
from stages.runtime.progress import track

OBJECT = 1  # number of the described object


def stream_answers(
    segmenter: Segmenter, source: VideoSource, words: Words, support: Support
) -> Iterator[FrameAnswer]:
    """An answer a frame, in order, as soon as the frame's window is answered."""
    index = 0
    frames = track(source, total=source.expected or None, description="predict")
    for window in windows(frames, segmenter.config.evaluate.window):
        said = segmenter.segment(window, words, support)
        rows = zip(window, said.masks, said.logits, said.presence, strict=True)
        for frame, mask, logits, presence in rows:
            found = ObjectAnswer(OBJECT, mask, logits, float(presence))
            at = source.times.seconds(index)
            yield FrameAnswer(index, source.name(index), frame, (found,), at)
            index += 1
