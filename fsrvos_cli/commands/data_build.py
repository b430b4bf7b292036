"""`fsrvos data build`: datasets out of what others publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from configs import UsageError
from fsrvos_cli import once, options
from fsrvos_cli.output import emit

# Name -> what it is built from.
BENCHMARKS = {
    "mini-ref-youtube-vos": "raw Ref-YouTube-VOS",
    "mini-ref-sail-vos": "SAIL-VOS clips",
    "mini-mevis": "raw MeViS",
    "release": "a benchmark as the authors publish it",
    "refcoco": "RefCOCO, RefCOCO+ and RefCOCOg",
    "ref-davis17": "DAVIS 2017 and Ref-DAVIS17's sentences",
    "a2d-sentences": "A2D and its sentences",
    "jhmdb-sentences": "JHMDB and its sentences",
}
_SHOWN = 20  # lines on what was left out
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(cls=once.Group)
def build() -> None:
    """Build a dataset out of raw datasets or photographs.

    \b
    Example:
      fsrvos data build photo-clips downloads/coco work/data/photo-clips
    """


def _benchmark_command(name: str, what: str) -> click.Command:
    """The command that builds one benchmark; they differ in reader and usual choices alone."""

    @click.argument("source", type=options.ANY_PATH)
    @click.argument("out", type=options.FOLDER)
    @_choices
    @options.seed_option
    @options.jobs_option()
    @options.json_option
    def command(source: Path, out: Path, jobs: int, as_json: bool, **stated: object) -> None:
        from stages.data.builders import build as build_benchmark
        from stages.data.builders import usual_choices

        told = {key: value for key, value in stated.items() if value is not None}
        choices = replace(usual_choices(name), **told)  # type: ignore[arg-type]
        report = build_benchmark(name, source, out, choices=choices, jobs=jobs)
        for line in (*report.steps, *report.skipped[:_SHOWN]):
            click.echo(f"fsrvos: {line}", err=True)
        if report.skipped[_SHOWN:]:
            click.echo(f"fsrvos: and {len(report.skipped) - _SHOWN} more; --json has all", err=True)
        emit(report, as_json)

    help_text = (
        f"Build {name} in OUT from {what} in SOURCE.\n\n"
        "What each choice leaves is printed, beside the paper's count where it has one. A build "
        "that was stopped goes on where it was.\n\n\b\nExample:\n"
        f"  fsrvos data build {name} downloads/raw work/data/{name}"
    )
    return click.command(name, cls=once.Command, help=help_text)(command)


def _choices(command: Command) -> Command:
    """An option for each choice of a build; the command gets them by the names of `Choices`."""
    for option in (
        click.option(
            "--one-category/--several-categories",
            default=None,
            help="Leave out videos that show objects of several categories, or keep them.",
        ),
        click.option(
            "--least-videos", type=click.IntRange(min=1), help="Of a category, else it is left out."
        ),
        click.option(
            "--most-videos",
            type=click.IntRange(min=0),
            help="Of a category, drawn by --seed; 0 is as many as --total leaves.",
        ),
        click.option(
            "--total",
            type=click.IntRange(min=0),
            help="Balance categories until all of them have no more videos than this; 0 does not.",
        ),
        click.option(
            "--least-frames", type=click.IntRange(min=1), help="Of a video, else it is left out."
        ),
        click.option(
            "--drop-absent/--keep-absent",
            default=None,
            help="Leave out frames in which no described object shows, or keep them.",
        ),
        click.option(
            "--guess-categories",
            "nouns",
            flag_value=True,
            default=None,
            type=bool,
            help="Take the noun of its sentences for an object's category where none is stated.",
        ),
        click.option(
            "--several",
            flag_value=True,
            default=None,
            type=bool,
            help="Keep sentences about several objects, as their union in a video of its own.",
        ),
    ):
        command = option(command)
    return command


for _name, _what in BENCHMARKS.items():
    build.add_command(_benchmark_command(_name, _what))


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word.strip() for word in (value or "").split(",") if word.strip())


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Numbers between commas."""
    words = _names(ctx, param, value)
    if not all(word.isascii() and word.isdigit() for word in words):
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 4,5,7")
    return tuple(int(word) for word in words)


@build.command("photo-clips")
@click.argument("source", type=options.ANY_PATH)
@click.argument("out", type=options.FOLDER)
@click.option(
    "--clips-per-kind",
    type=click.IntRange(min=2),
    default=24,
    show_default=True,
    help="The most clips of one kind; half of them show two of it.",
)
@click.option(
    "--frames", type=click.IntRange(min=2), default=8, show_default=True, help="Frames of a clip."
)
@click.option(
    "--longer-side",
    type=click.IntRange(min=64),
    default=512,
    show_default=True,
    help="The most pixels along a frame's longer side.",
)
@click.option(
    "--least-share",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.012,
    show_default=True,
    help="Share of the picture from which an object is labelled.",
)
@click.option(
    "--licences",
    callback=_numbers,
    metavar="ID,...",
    help="Take pictures under these licence ids alone.  [default: all]",
)
@click.option(
    "--pictures",
    type=options.FILE,
    help="Take the pictures of this list alone: one id a line, # starts a comment.",
)
@click.option("--exclude-kinds", callback=_names, metavar="KIND,...", help="Label none of these.")
@options.jobs_option()
@click.option("--sheet", type=options.FILE, help="Write a contact sheet of some clips, a PNG.")
@options.seed_option
@options.json_option
def photo_clips(
    source: Path,
    out: Path,
    clips_per_kind: int,
    frames: int,
    longer_side: int,
    least_share: float,
    licences: tuple[int, ...],
    pictures: Path | None,
    exclude_kinds: tuple[str, ...],
    jobs: int,
    sheet: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make clips in OUT from the outlined photographs in SOURCE.

    SOURCE is a COCO or LVIS folder or annotation file, or a folder laid out as Pascal VOC's.
    Photographs are moved and bent, objects are cut out and set into others, and sentences say what
    is true of one object alone. The same seed gives the same files. A build that was stopped goes
    on where it was.

    \b
    Example:
      fsrvos data build photo-clips downloads/coco work/data/photo-clips --licences 4,5,7
    """
    from stages.data.photo_clips import (
        ClipSettings,
        PhotoClipSettings,
        build_photo_clips,
        open_source,
        take,
        write_sheet,
    )
    from stages.runtime.progress import counter

    if sheet is not None and sheet.exists():
        raise UsageError(f"{sheet}: exists already; name another file for the sheet")
    settings = PhotoClipSettings(
        clips_per_kind, seed, ClipSettings(frames, longer_side, least_share)
    )
    listed = None if pictures is None else _listed(pictures)
    catalogue = take(open_source(source), licences, listed).without_kinds(exclude_kinds)
    report = build_photo_clips(
        catalogue, out, settings, jobs=jobs, progress=counter("making clips")
    )
    for line in report.skipped:
        click.echo(f"fsrvos: {line}", err=True)
    if sheet is not None:
        write_sheet(sheet, out)
    emit(report, as_json)


def _listed(path: Path) -> tuple[str, ...]:
    """The picture ids of a list."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); name a list of ids") from None
    ids = [line.partition("#")[0].strip() for line in lines]
    return tuple(name for name in ids if name)
