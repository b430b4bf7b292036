"""`fsrvos score`: predictions and truth -> J, F and J&F."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("evaluation", type=options.ANY_PATH, required=False)
@click.option(
    "--data",
    type=options.FOLDER,
    envvar="FSRVOS_DATA",
    help="Dataset folder.  [default: where it was when it was evaluated]",
)
@click.option(
    "--protocol",
    type=click.Choice(["davis", "paper"]),
    help="davis: the DAVIS measure at annotation size. paper: as the authors' code scores.  "
    "[default: the one that was evaluated for]",
)
@options.json_option
def score(evaluation: Path | None, data: Path | None, protocol: str | None, as_json: bool) -> None:
    """Score EVALUATION: what `fsrvos evaluate` wrote, or a run, whose newest evaluation counts.

    Prints region similarity J, contour accuracy F and their mean in percent, with the 95 %
    interval over seeds and the controls, and writes score.json beside the predictions.

    \b
    Example:
      fsrvos score work/runs/sample-demo-fold1 --data work/data/sample
      fsrvos score
    """
    predictions = places.find_predictions(evaluation)
    from stages.score import score as score_predictions

    found = score_predictions(
        predictions=predictions,
        data_root=data,
        protocol=protocol,
        command=command_line(evaluation=predictions),
    )
    emit(found, as_json)
