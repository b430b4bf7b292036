"""`fsrvos export`: an evaluation's masks in a layout that other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("out", type=options.ANY_PATH)
@click.argument("evaluation", type=options.ANY_PATH, required=False)
@click.option(
    "--as",
    "layout",
    type=click.Choice(["ref-youtube-vos", "davis", "coco-rle", "coco-runs"]),
    default="ref-youtube-vos",
    show_default=True,
    help="ref-youtube-vos: a PNG a frame and expression. davis: a PNG a frame with ids of objects. "
    "coco-rle, coco-runs: one JSON file of run-length masks, compact or as lists.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Drawing of the support whose masks are written.",
)
@click.option(
    "--condition",
    default="model",
    show_default=True,
    help="The model's masks, or a control's by its name in score.json.",
)
@options.json_option
def export(
    out: Path,
    evaluation: Path | None,
    layout: str,
    seed: int,
    condition: str,
    as_json: bool,
) -> None:
    """Write the masks of EVALUATION to OUT: a folder, a .zip or a .json file.

    EVALUATION is what `fsrvos evaluate` wrote, or a run, whose newest evaluation counts. What is
    written `fsrvos score` reads again; the queries of one seed are those of its manifest.

    \b
    Example:
      fsrvos export submission.zip work/runs/sample-demo-fold1
      fsrvos export masks.json work/runs/sample-demo-fold1 --as coco-rle
    """
    predictions = places.find_predictions(evaluation)
    from stages.export import export as export_masks

    found = export_masks(
        predictions=predictions, out=out, layout=layout, seed=seed, condition=condition
    )
    emit(found, as_json)
