"""`fsrvos weights`: checkpoint files."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import options
from fsrvos_cli.output import emit


@click.group()
def weights() -> None:
    """Inspect checkpoint files, this program's and others'.

    \b
    Example:
      fsrvos weights inspect official.pth
    """


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

    emit(inspect_weights(file), as_json)
