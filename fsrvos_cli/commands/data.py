"""`fsrvos data`: render, build and check datasets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from configs import FsrvosError, UsageError
from fsrvos_cli import once, options, places
from fsrvos_cli.commands.data_annotate import annotate
from fsrvos_cli.commands.data_build import build
from fsrvos_cli.commands.data_episodes import episodes, splits
from fsrvos_cli.output import emit


@click.group(cls=once.Group)
def data() -> None:
    """Render, build and check datasets.

    \b
    Example:
      fsrvos data sample work/data/sample
    """


for command in (annotate, build, episodes, splits):
    data.add_command(command)


@data.command()
@click.argument("out", type=options.FOLDER, required=False)
@click.option(
    "--videos",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Videos of each category.",
)
@options.jobs_option(help="Processes that draw side by side.")
@options.seed_option
@options.json_option
def sample(out: Path | None, videos: int, jobs: int, seed: int, as_json: bool) -> None:
    """Render the sample dataset into OUT (default: work/data/sample).

    Textured, moving objects of 16 categories over moving backgrounds, with sentences that tell
    two objects of one category apart. The same seed gives the same files; what is already
    rendered is left as it is.

    \b
    Example:
      fsrvos data sample work/data/sample --videos 40
    """
    if out is None:
        out = places.sample_root()
        places.taken("OUT", out)
    if _is_rendered(out, videos, seed):
        click.echo(f"fsrvos: {out} is rendered already", err=True)
        emit({"root": out}, as_json)
        return
    from stages.data.sample import render_sample
    from stages.runtime.progress import counter

    summary = render_sample(
        out,
        videos_per_category=videos,
        seed=seed,
        jobs=jobs,
        progress=counter("rendering videos"),
    )
    emit(summary, as_json)


def _is_rendered(out: Path, videos: int, seed: int) -> bool:
    """Whether OUT holds this very dataset. UsageError if it holds something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    from stages.data.sample.generator import VERSION

    try:
        made = json.loads((out / "sample.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise UsageError(f"{out} is not empty; choose another folder") from None
    wanted = {"version": VERSION, "videos_per_category": videos, "seed": seed}
    for name, value in wanted.items():
        if made.get(name) != value:
            raise UsageError(
                f"{out} holds a sample dataset with {name} {made.get(name)}, not {value}; "
                "remove it or choose another folder"
            )
    return True


@data.command()
@click.argument("folder", type=options.FOLDER, metavar="DIR")
@options.support_expression_option
@click.option(
    "--sheet",
    type=options.FILE,
    help="Contact sheet of what was understood.  [default: work/check/DIR.png]",
)
@options.json_option
def check(folder: Path, support_expression: str | None, sheet: Path | None, as_json: bool) -> None:
    """List every fault of a dataset or a support folder; exit 1 if there is any.

    A contact sheet shows what was understood: the frames with the object marked.

    \b
    Example:
      fsrvos data check work/data/sample
      fsrvos data check my/dogs --support-expression "a white dog"
    """
    from stages.data.check import check as check_folder

    sheet = sheet or places.work_root() / "check" / f"{folder.resolve().name or 'root'}.png"
    result = check_folder(folder, expression=support_expression, sheet=sheet)
    for remark in result.remarks:
        click.echo(f"fsrvos: {remark}", err=True)
    if result.sheet is not None:
        click.echo(f"fsrvos: what was understood is drawn in {result.sheet}", err=True)
    if as_json:
        emit(result, as_json)
    else:
        for fault in result.faults:
            click.echo(fault)
    number = len(result.faults)
    if number:
        raise FsrvosError(f"{folder} has {number} fault{'s' if number > 1 else ''}")
    held = ", ".join(f"{count} {what}" for what, count in result.counts.items())
    click.echo(f"fsrvos: {folder} is a sound {result.kind}: {held}", err=True)
