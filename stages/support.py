"""A support folder -> a file that holds the kind as a run's encoder sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from configs import Config
from configs.errors import UsageError
from stages.data.files import clean_expression
from stages.data.support import load_support
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
