"""What is asked of many videos at once: one request a video, sentence and support."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import DataError, MissingError, UsageError
from stages.data.excerpt import WHOLE, Excerpt
from stages.data.files import clean_expression
from stages.data.order import frame_files, natural_key
from stages.data.support.annotation import VIDEO_SUFFIXES

_PATTERN = "*?["


@dataclass(frozen=True)
class Request:
    """One video and what is looked for in it.

    expression: clean, as `clean_expression` gives it. support: a folder or an encoded kind.
    support_expression: counts instead of the support's own sentence.
    """

    video: Path
    expression: str
    support: Path
    support_expression: str | None = None
    excerpt: Excerpt = WHOLE

    def __str__(self) -> str:
        return f"{self.video}: {self.expression!r}"


@dataclass(frozen=True)
class Shown:
    """A kind of object: where its support lies, and the sentence that is to count for it."""

    support: Path
    expression: str | None = None


def shown_kinds(supports: Sequence[Path], sentences: Sequence[str]) -> list[Shown]:
    """Supports with the sentences given for them, in order: as many as supports, or none.

    Raises UsageError for another number.
    """
    if sentences and len(sentences) != len(supports):
        raise UsageError(
            f"{len(supports)} supports and {len(sentences)} sentences about them; give "
            "--support-expression once for each --support, in the same order, or leave it out"
        )
    spoken = [clean_expression(text, "--support-expression") for text in sentences]
    return [
        Shown(support, spoken[number] if spoken else None)
        for number, support in enumerate(supports)
    ]


def paired(kinds: Sequence[Shown], expressions: Sequence[str]) -> list[tuple[Shown, str]]:
    """Which sentence is asked with which kind.

    One kind answers all sentences, one sentence is asked of all kinds, and as many of the one as of
    the other belong together in order. Raises UsageError for anything else.
    """
    if len(kinds) == 1 or len(expressions) == 1:
        return [(kind, text) for text in expressions for kind in kinds]
    if len(kinds) != len(expressions):
        raise UsageError(
            f"{len(expressions)} sentences and {len(kinds)} supports do not pair; give one support "
            "for each sentence in the same order, or a list of what belongs together (--list)"
        )
    return list(zip(kinds, expressions, strict=True))


def requests_for(
    videos: Sequence[Path],
    expressions: Sequence[str],
    kinds: Sequence[Shown],
    excerpt: Excerpt = WHOLE,
) -> list[Request]:
    """Every video with every pair of kind and sentence. Raises UsageError."""
    pairs = paired(kinds, [clean_expression(text, "EXPRESSION") for text in expressions])
    return [
        Request(video, expression, kind.support, kind.expression, excerpt)
        for video in videos
        for kind, expression in pairs
    ]


def distinct(requests: Iterable[Request]) -> list[Request]:
    """Each once, in order."""
    return list(dict.fromkeys(requests))


def videos_at(place: Path) -> list[Path]:
    """The videos that a path or pattern names, in natural order.

    A file, or a folder of images, is one. A folder of videos, or of folders of images, is all of
    them. `*`, `?`, `[...]` and `**` match names where no such path is there. A path to nothing is
    kept: that video is missing, and the others are not. Raises MissingError for a pattern that
    matches nothing, DataError for a folder that could be two things.
    """
    if place.exists() or not any(sign in str(place) for sign in _PATTERN):
        return _inside(place) if place.is_dir() else [place]
    found = glob.glob(str(place), recursive=True)  # noqa: PTH207  Path.glob takes no absolute one
    matches = sorted((Path(name) for name in found), key=lambda path: natural_key(str(path)))
    matches = [path for path in matches if path.is_dir() or _is_video(path)]
    if not matches:
        raise MissingError(f"{place}: no video matches; check the pattern")
    return [video for match in matches for video in _inside_or_itself(match)]


def _inside_or_itself(path: Path) -> list[Path]:
    return _inside(path) if path.is_dir() else [path]


def _inside(folder: Path) -> list[Path]:
    """The videos that a folder is or holds; itself where it holds none."""
    shown = sorted(
        (f for f in folder.iterdir() if not f.name.startswith(".")),
        key=lambda path: natural_key(path.name),
    )
    videos = [f for f in shown if f.is_file() and _is_video(f)]
    if frame_files(folder):
        if videos:
            raise DataError(
                f"{folder}: holds images and videos, and either could be meant; name the videos "
                f"({folder / '*'}{videos[0].suffix}), or move them away from the frames"
            )
        return [folder]
    clips = [f for f in shown if f.is_dir() and frame_files(f)]
    return sorted([*videos, *clips], key=lambda path: natural_key(path.name)) or [folder]


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES
