"""`fsrvos weights`: checkpoint files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fsrvos_cli import once, options
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit


@click.group(cls=once.Group)
def weights() -> None:
    """Import and inspect checkpoint files, this program's and others'.

    \b
    Example:
      fsrvos weights inspect official.pth
    """


@weights.command("import")
@click.argument("file", type=options.FILE)
@click.argument("run", type=options.FOLDER)
@click.option(
    "--from",
    "family",
    type=click.Choice(["official", "referformer"]),
    default="official",
    show_default=True,
    help="Program that wrote the file.",
)
@options.json_option
def import_(
    file: Path, run: Path, family: Literal["official", "referformer"], as_json: bool
) -> None:
    """Turn FILE, a checkpoint of the authors' code or of ReferFormer, into a run folder.

    Names what it ignores and why; refuses what does not fit. Nothing in the file is executed.

    \b
    Example:
      fsrvos weights import official.pth work/runs/official
    """
    from stages.runs.foreign.conversion import import_checkpoint

    emit(import_checkpoint(path=file, run=run, family=family, command=command_line()), as_json)


@weights.command()
@click.argument("run", type=options.FOLDER)
@click.argument("out", type=options.FOLDER)
@options.json_option
def compact(run: Path, out: Path, as_json: bool) -> None:
    """Write the network of RUN to a new run folder OUT in half precision, to hand it on.

    \b
    Example:
      fsrvos weights compact work/runs/sample-lite-fold1 my-head
    """
    from stages.runs.compact import compact as write_compact

    emit(write_compact(run, out), as_json)


@weights.command()
@click.argument("file", type=options.ANY_PATH)
@options.json_option
def inspect(file: Path, as_json: bool) -> None:
    """Say what FILE, a checkpoint or a run folder, is: format, program, number of weights.

    Nothing in the file is executed.

    \b
    Example:
      fsrvos weights inspect work/runs/sample-demo-fold1
    """
    from stages.weights import inspect_weights

    emit(inspect_weights(path=file), as_json)
