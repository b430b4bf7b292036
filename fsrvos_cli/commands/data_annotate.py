"""`fsrvos data annotate`: sentences for objects that have masks and none."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("source", type=options.FOLDER)
@click.argument("folder", type=options.FOLDER)
@click.option(
    "--finish",
    is_flag=True,
    help="Write SOURCE/meta_expressions.json from the table, once every clear object has a "
    "sentence that another person has read.",
)
@options.json_option
def annotate(source: Path, folder: Path, finish: bool, as_json: bool) -> None:
    """Help people to write the sentences that SOURCE lacks, as SAIL-VOS does.

    Draws every object of SOURCE into FOLDER, marked on frames of its video, beside sentences.csv,
    which any spreadsheet opens. One person writes a sentence of at most 20 words there, or marks
    the object as unclear, which drops it; another reads it and puts their name beside it. Run
    again, it keeps what stands there and says what is still to do.

    \b
    Example:
      fsrvos data annotate downloads/sail-vos work/annotate
      fsrvos data annotate downloads/sail-vos work/annotate --finish
    """
    from stages.data import annotation

    done = annotation.finish(source, folder) if finish else annotation.start(source, folder)
    for fault in done.faults:
        click.echo(f"fsrvos: {fault}", err=True)
    emit(done, as_json)
