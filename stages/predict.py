"""One video, a sentence and a support folder -> masks, an overlay video, scores.

video ──frames──▶ encoder ──maps──▶ network (with the support's maps and the words) ──▶ masks

Frames are read once and go through in windows, so memory does not grow with the video.
`stages.predicting` holds the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cache.whole import require_replaceable, whole_folder
from stages.data.files import clean_expression
from stages.data.support import load_support
from stages.data.video import read_video
from stages.encoders.unread import warn_of_unread
from stages.predicting.results import (
    ContactSheet,
    MaskFolder,
    OverlayVideo,
    Scores,
    whole_results,
)
from stages.predicting.segmenter import Segmenter
from stages.predicting.stream import stream_answers
from stages.runs.checkpoint import digest_of_run
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process
from stages.runtime.progress import say
from stages.runtime.provenance import provenance

MASKS, OVERLAY, SHEET, SCORES = "masks", "overlay.mp4", "contact_sheet.png", "scores.json"
NAMES = (MASKS, OVERLAY, SHEET, SCORES)


@dataclass(frozen=True)
class PredictReport:
    """Where everything was written, and how sure the network is. `score` is in [0, 1].

    The object is marked in `marked` of `frames` frames. `shortfall` is None, or says in one line
    how much of the video could not be read.
    """

    video: str
    expression: str
    frames: int
    marked: int
    score: float
    masks: str
    overlay: str
    contact_sheet: str
    scores: str
    shortfall: str | None = None

    def table(self) -> str:
        """Lines for people, the answer first."""
        nothing = "" if self.marked else ": nothing that fits was found"
        places = (("masks", self.masks), ("overlay", self.overlay), ("sheet", self.contact_sheet))
        return "\n".join(
            [
                f"{self.video}: {self.expression!r}",
                f"marked in {self.marked} of {self.frames} frames{nothing}; score {self.score:.2f}",
                *(f"{name:<8}{place}" for name, place in (*places, ("scores", self.scores))),
            ]
        )


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
) -> PredictReport:
    """Segment the described object in every frame of `video` and write the folder `out`.

    `out` is whole or absent; a former result there is replaced in the end, and anything else is
    refused. A video that is cut short is segmented as far as it goes, and the report says so.
    support_expression: counts instead of the support folder's own sentence. command: kept as
    provenance. Raises UsageError (`out`), MissingError or DataError.
    """
    require_one_process()
    keep_freed_memory()
    sentence = clean_expression(expression, "EXPRESSION")
    require_replaceable(out, NAMES)
    shown = load_support(support, expression=support_expression)
    for remark in shown.remarks:
        say(f"note: {remark}")
    source = read_video(video)
    segmenter = Segmenter(run, device)
    for text in (sentence, shown.expression):
        warn_of_unread(segmenter.encoders.words, text)
    annotated, words = segmenter.support(shown), segmenter.words(sentence)
    facts = {
        "video": str(video.absolute()),
        "expression": sentence,
        "support": str(support.absolute()),
        "support_expression": shown.expression,
        "run": str(run.absolute()),
    }

    def known() -> Mapping[str, Any]:
        return facts | {"shortfall": source.shortfall}

    with whole_folder(out, NAMES) as folder:
        scores = Scores(folder / SCORES, known, _provenance(segmenter, run, device, command))
        results = [
            MaskFolder(folder / MASKS),
            OverlayVideo(folder / OVERLAY, sentence, source.fps),
            ContactSheet(folder / SHEET, sentence),
            scores,
        ]
        with whole_results(results):
            for answer in stream_answers(segmenter, source, words, annotated):
                for result in results:
                    result.add(answer)
    return PredictReport(
        video=str(video),
        expression=sentence,
        frames=scores.frames,
        marked=scores.marked,
        score=scores.score,
        masks=str(out / MASKS),
        overlay=str(out / OVERLAY),
        contact_sheet=str(out / SHEET),
        scores=str(out / SCORES),
        shortfall=source.shortfall,
    )


def _provenance(segmenter: Segmenter, run: Path, device: str, command: str) -> dict[str, Any]:
    digests = {
        "weights": digest_of_run(run),
        "vision": segmenter.encoders.present.vision_digest,
        "text": segmenter.encoders.present.text_digest,
    }
    settings = asdict(segmenter.config)
    return provenance(command=command, device=device, settings=settings, digests=digests)
