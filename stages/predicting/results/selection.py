"""Which results a prediction writes, and the names of their files."""

from __future__ import annotations

from pathlib import Path

from stages.predicting.options import FORMATS, PredictOptions
from stages.predicting.results.exports import Subject, export
from stages.predicting.results.masks import MaskFolder
from stages.predicting.results.overlay import OverlayVideo
from stages.predicting.results.result import Result
from stages.predicting.results.sheet import ContactSheet
from stages.predicting.results.soft import SoftMaskFolder
from stages.predicting.results.tracks import Tracks
from stages.predicting.shelf import SCORES

MASKS, OVERLAY, SHEET = "masks", "overlay.mp4", "contact_sheet.png"
ALWAYS = (MASKS, OVERLAY, SHEET, SCORES)
SOFT, TRACKS = "soft", "tracks.json"
NAMES = (*ALWAYS, SOFT, TRACKS, *FORMATS.values())


def names_of(options: PredictOptions) -> tuple[str, ...]:
    """What a finished folder holds."""
    exported = (FORMATS[name] for name in options.formats)
    soft, multi = options.soft, options.multi
    return (*ALWAYS, *([SOFT] if soft else []), *([TRACKS] if multi else []), *exported)


def results_of(options: PredictOptions, folder: Path, subject: Subject) -> list[Result]:
    """The results of a video in a folder, all but its scores."""
    sentence, source, multi = subject.sentence, subject.source, options.multi
    results: list[Result] = [
        MaskFolder(folder / MASKS),
        OverlayVideo(folder / OVERLAY, sentence, source, multi, options.side_by_side),
        ContactSheet(folder / SHEET, sentence, multi),
    ]
    if options.soft:
        results.append(SoftMaskFolder(folder / SOFT))
    if multi:
        results.append(Tracks(folder / TRACKS))
    return results + [export(name, folder, subject) for name in options.formats]
