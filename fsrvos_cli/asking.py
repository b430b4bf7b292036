"""What `fsrvos predict` is asked: arguments and lists to requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from configs import DataError, UsageError

if TYPE_CHECKING:
    from stages.data.excerpt import Excerpt, Moment
    from stages.predicting.requests import Request

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """Requests, and the arguments as a command line repeats them.

    single: one video, sentence and support, named as such, whose results are the output folder's.
    """

    requests: list[Request]
    words: tuple[Path | str, ...]
    single: bool


class MomentType(click.ParamType):
    """A time in a video."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """A Moment; a usage error where it is no time."""
        from stages.data.excerpt import parse_moment

        if not isinstance(value, str):
            return value
        try:
            return parse_moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def excerpt_options(command: Command) -> Command:
    """--start, --end, --stride and --max-side."""
    for option in (
        click.option(
            "--max-side",
            type=click.IntRange(min=1),
            help="Shrink frames whose longer side has more pixels, and masks and pictures with "
            "them.",
        ),
        click.option(
            "--stride",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Read every so many frames only.",
        ),
        click.option("--end", type=MomentType(), help="Where to stop; that frame is not read."),
        click.option(
            "--start",
            type=MomentType(),
            help="Where to begin: seconds (12.5), [hh:]mm:ss (1:30), or a frame (250f).",
        ),
    ):
        command = option(command)
    return command


def excerpt(start: Moment | None, end: Moment | None, stride: int, max_side: int | None) -> Excerpt:
    """What of the videos is read. Raises UsageError."""
    from stages.data.excerpt import Excerpt

    try:
        return Excerpt(start, end, stride, max_side or 0)
    except ValueError as error:
        raise UsageError(f"--start and --end: {error}") from None


def asked(
    words: Sequence[str],
    expressions: Sequence[str],
    list_file: Path | None,
    supports: Sequence[Path],
    support_expressions: Sequence[str],
    part: Excerpt,
) -> Asked:
    """The requests of a command line.

    Raises UsageError (what cannot be asked so), MissingError or DataError (the list, a pattern).
    """
    from stages.predicting.request_list import read_requests
    from stages.predicting.requests import requests_for, shown_kinds, videos_at

    if list_file is not None and (words or expressions):
        raise UsageError(
            f"--list says what is looked for where; leave out {(*words, *expressions)[0]!r}"
        )
    if not supports and list_file is None:
        raise UsageError("no support; show the kind of object with --support DIR")
    try:
        kinds = shown_kinds(supports, support_expressions)
    except DataError as error:  # in a dataset the data are wrong, here the call is
        raise UsageError(str(error)) from error
    if list_file is not None:
        return Asked(read_requests(list_file, kinds, part), (), single=False)
    named, sentences = _videos_and_sentences(words, expressions)
    videos = [video for name in named for video in videos_at(name)]
    try:
        requests = requests_for(videos, sentences, kinds, part)
    except DataError as error:
        raise UsageError(str(error)) from error
    single = len(requests) == 1 and videos == named
    return Asked(requests, (*named, *(() if expressions else sentences)), single)


def _videos_and_sentences(
    words: Sequence[str], expressions: Sequence[str]
) -> tuple[list[Path], list[str]]:
    """The arguments' videos, and the sentences: --expression's, or else the last argument."""
    if not words:
        raise UsageError("no video; give VIDEO and EXPRESSION, or --list; see --help")
    if expressions:
        return [Path(word) for word in words], list(expressions)
    *videos, sentence = words
    if not videos:
        raise UsageError(
            f"{sentence!r} is all there is; give VIDEO and EXPRESSION, as in: "
            'fsrvos predict video.mp4 "a brown dog" --support dir/'
        )
    if _is_video(sentence):
        raise UsageError(
            f"the last argument is the sentence, and {sentence!r} is a video; put the sentence "
            "behind the videos, or give it with --expression"
        )
    for video in videos[1:]:
        if not any(sign in video for sign in "./*?[") and not Path(video).exists():
            raise UsageError(f"{video!r} is no video; put the sentence into quotes")
    return [Path(video) for video in videos], [sentence]


def _is_video(word: str) -> bool:
    """A folder is none: one that is called as the sentence is no rarity."""
    from stages.data.support.annotation import VIDEO_SUFFIXES

    path = Path(word)
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
