"""`fsrvos score`: predictions and truth -> J, F and J&F."""

from __future__ import annotations

from pathlib import Path

import click

from configs import MissingError
from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("predictions", type=options.ANY_PATH, required=False)
@options.data_option
@click.option(
    "--protocol",
    type=click.Choice(["davis", "paper"]),
    default="davis",
    show_default=True,
    help="davis: the DAVIS measure at annotation size. paper: as the authors' code scores.",
)
@options.json_option
def score(predictions: Path | None, data: Path | None, protocol: str, as_json: bool) -> None:
    """Score PREDICTIONS, a predictions.h5 or the run folder that holds one.

    Prints region similarity J, contour accuracy F and their mean in percent, with the 95 %
    interval over seeds and the controls, and writes score.json beside the predictions.

    \b
    Example:
      fsrvos score work/runs/sample-demo-fold1/predictions.h5 --data work/data/sample
      fsrvos score
    """
    predictions = _find_predictions(predictions)
    data = places.find_data(data, predictions.parent)
    from stages.score import score as score_predictions

    emit(score_predictions(predictions, data, protocol), as_json)


def _find_predictions(given: Path | None) -> Path:
    """The file itself, or the one in the run given, or in the newest run."""
    run = places.find_run(given)
    file = run / "predictions.h5" if run.is_dir() else run
    if not file.is_file():
        raise MissingError(f"no predictions at {file}; make them: fsrvos evaluate --run {run}")
    return file
