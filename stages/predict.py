"""One video, a sentence and a support folder -> masks, an overlay video, scores.

video ──frames──▶ encoder ──maps──▶ network (with the support's maps and the words) ──▶ masks

Frames are read once and go through in windows, so memory does not grow with the video.
`stages.predicting` holds the parts.
"""

from __future__ import annotations

from pathlib import Path

from configs import Config
from stages.data.excerpt import WHOLE, Excerpt
from stages.data.files import clean_expression
from stages.predicting.options import PredictOptions
from stages.predicting.report import PredictReport
from stages.predicting.requests import Request
from stages.predicting.session import Session
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process


def predict(
    *,
    video: Path,
    expression: str,
    support: Path,
    support_expression: str | None = None,
    run: Path,
    out: Path,
    device: str = "cpu",
    command: str = "",
    config: Config | None = None,
    excerpt: Excerpt = WHOLE,
    options: PredictOptions = PredictOptions(),  # noqa: B008  frozen
) -> PredictReport:
    """Segment the described object in every frame of `video` and write the folder `out`.

    `out` is whole or absent; a former result there is replaced in the end, and anything else is
    refused. A video that is cut short is segmented as far as it goes, and the report says so.
    support: a support folder, or an encoded kind (`fsrvos support save`). support_expression:
    counts instead of its own sentence. config: how the run is used, where otherwise than its own.
    excerpt: what of the video is read. command: kept as provenance. Raises UsageError (`out`),
    MissingError or DataError.
    """
    require_one_process()
    keep_freed_memory()
    sentence = clean_expression(expression, "EXPRESSION")
    spoken = support_expression
    spoken = None if spoken is None else clean_expression(spoken, "--support-expression")
    session = Session(run, device, config, options)
    return session.answer(Request(video, sentence, support, spoken, excerpt), out, command)
