"""One video, a sentence and a support folder -> masks, an overlay video, scores.

video ──frames──▶ encoder ──maps──▶ network (with the support's maps and the words) ──▶ masks

Frames are read once and go through in windows, so memory does not grow with the video.
`stages.predicting` holds the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from configs import Config
from stages.data.excerpt import WHOLE, Excerpt
from stages.data.files import clean_expression
from stages.predicting.batch import answer_all, tasks_for
from stages.predicting.options import PredictOptions
from stages.predicting.outcomes import BatchReport, require_home, write_summary
from stages.predicting.predictor import Prediction, Predictor
from stages.predicting.report import PredictReport
from stages.predicting.requests import Request
from stages.predicting.session import Session
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process

__all__ = ["Prediction", "Predictor", "predict", "predict_many"]


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
    go_on: bool = False,
) -> PredictReport:
    """Segment the described object in every frame of `video` and write the folder `out`.

    `out` is whole or absent; a former result there is replaced in the end, and anything else is
    refused. A video that is cut short is segmented as far as it goes, and the report says so.
    support: a support folder, or an encoded kind (`fsrvos support save`). support_expression:
    counts instead of its own sentence. config: how the run is used, where otherwise than its own.
    excerpt: what of the video is read. command: kept as provenance. go_on: what ended early in
    `out` goes on where it ended. Raises UsageError (`out`), MissingError, DataError or Interrupted.
    """
    require_one_process()
    keep_freed_memory()
    sentence = clean_expression(expression, "EXPRESSION")
    spoken = support_expression
    spoken = None if spoken is None else clean_expression(spoken, "--support-expression")
    session = Session(run, device, config, options, go_on)
    return session.answer(Request(video, sentence, support, spoken, excerpt), out, command)


def predict_many(
    *,
    requests: Sequence[Request],
    run: Path,
    home: Path,
    device: str = "cpu",
    config: Config | None = None,
    options: PredictOptions = PredictOptions(),  # noqa: B008  frozen
    jobs: int = 1,
    overwrite: bool = False,
    go_on: bool = False,
    commands: Callable[[Request, Path], str] | None = None,
    command: str = "",
) -> BatchReport:
    """Answer every request, each into a folder of its own below `home`, and write a summary there.

    Every kind is read and encoded once. A request that fails stops no other. One that was finished
    with the same settings is left, unless `overwrite`. go_on: see `predict`.
    jobs: processes that work side by side. commands: the command that makes one request's results
    alone; command: that makes all. Raises UsageError (`home`), MissingError or DataError (the run).
    """
    require_one_process()
    keep_freed_memory()
    require_home(home)
    session = Session(run, device, config, options, go_on)
    session.load()
    tasks = tasks_for(requests, run, home, commands)
    return write_summary(home, answer_all(session, tasks, jobs, overwrite), command)
