"""Support folders: drawn on a page, or encoded once and kept in a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from configs import Config
from configs.errors import UsageError
from stages.data.files import clean_expression
from stages.data.support import load_support
from stages.drawing.serving import serve
from stages.drawing.studio import Studio
from stages.encoders.unread import warn_of_unread
from stages.predicting.segmenter import Segmenter
from stages.predicting.support_file import SUFFIX, write_support
from stages.runtime.progress import say
from stages.runtime.provenance import provenance


@dataclass(frozen=True)
class SavedSupport:
    """What was written: `bytes` long, for runs whose vision encoder has this sha256."""

    file: str
    expression: str
    frames: int
    bytes: int
    vision_digest: str


def save_support(
    *,
    folder: Path,
    file: Path,
    run: Path,
    support_expression: str | None = None,
    config: Config | None = None,
    device: str = "cpu",
    command: str = "",
) -> SavedSupport:
    """Encode the frames of `folder` with a run's encoder and write them to `file`.

    The file holds no pictures. It serves every run with the same vision encoder at the same size.
    support_expression: counts instead of the folder's own sentence. command: kept as provenance.
    Raises UsageError (`file`), MissingError or DataError.
    """
    if file.suffix.lower() != SUFFIX:
        raise UsageError(f"{file}: an encoded kind is known by its suffix; name it *{SUFFIX}")
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name a file")
    spoken = support_expression
    spoken = None if spoken is None else clean_expression(spoken, "--support-expression")
    shown = load_support(folder, expression=spoken)
    for remark in shown.remarks:
        say(f"note: {remark}")
    segmenter = Segmenter(run, device, config)
    warn_of_unread(segmenter.encoders.words, shown.expression)
    made = provenance(command=command, device=device)
    kept = write_support(file, segmenter.encode_support(shown), segmenter.sees, made)
    return SavedSupport(
        file=str(file),
        expression=kept.encoded.expression,
        frames=len(kept.encoded.names),
        bytes=file.stat().st_size,
        vision_digest=kept.seen_by.vision_digest,
    )


@dataclass(frozen=True)
class DrawnSupport:
    """What was drawn: `frames` in `folder`, 0 where nothing was saved."""

    folder: str
    expression: str
    frames: int


def draw_support(
    *,
    video: Path,
    folder: Path,
    run: Path,
    on: Path | None = None,
    config: Config | None = None,
    device: str = "cpu",
    port: int = 0,
    browse: bool = True,
) -> DrawnSupport:
    """Serve a page on loopback that draws objects on frames of `video` and saves them in `folder`.

    Ends when the page says so. A folder that was drawn before is gone on with. on: the video that
    predictions are tried on, `video` itself where it is None. run: predicts; loaded when it is
    asked to. port: 0 takes a free one. browse: open the page in the default browser.
    Raises UsageError (`folder`, `port`), MissingError or DataError.
    """

    @cache
    def segmenter() -> Segmenter:
        return Segmenter(run, device, config)

    studio = Studio(video, folder, on, segmenter)
    serve(studio, port=port, browse=browse)
    return DrawnSupport(str(folder), studio.book.sentence, studio.book.saved)
