"""`fsrvos score`: predictions and truth -> J, F and J&F."""

from __future__ import annotations

from pathlib import Path

import click

from configs import UsageError
from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("predictions", type=options.ANY_PATH, required=False)
@click.option(
    "--data",
    type=options.FOLDER,
    envvar="FSRVOS_DATA",
    help="Dataset folder.  [default: where it was when it was evaluated; work/data/sample for "
    "another program's masks]",
)
@click.option(
    "--protocol",
    type=click.Choice(["davis", "davis2017", "ref-youtube-vos", "paper"]),
    help="What is averaged over what: docs/scoring.md.  [default: the one that was evaluated for, "
    "or davis]",
)
@click.option(
    "--fold",
    type=int,
    help="Another program's masks answer this fold's test queries.  [default: every expression]",
)
@click.option(
    "--episodes",
    type=options.FILE,
    help="Another program's masks answer the queries of this file (`fsrvos data episodes`).",
)
@click.option(
    "--rle-order",
    type=click.Choice(["auto", "columns", "rows"]),
    default="auto",
    show_default=True,
    help="How run-length masks were written; auto tells by their look.",
)
@click.option(
    "-o",
    "--out",
    type=options.FOLDER,
    help="Folder for another program's masks and score.  [default: work/scores/<name>-<protocol>]",
)
@options.json_option
def score(
    predictions: Path | None,
    data: Path | None,
    protocol: str | None,
    fold: int | None,
    episodes: Path | None,
    rle_order: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Score PREDICTIONS: an evaluation, a run (its newest evaluation), or another program's masks.

    Those are a folder or zip archive of <video>/<expression>/<frame>.png, as Ref-YouTube-VOS
    takes them, or of <video>/<frame>.png with ids of objects, as DAVIS does; or a JSON file of
    COCO's run-length masks. Videos, expressions and frames are matched by name.

    Prints region similarity J, contour accuracy F and their mean in percent, with the 95 %
    interval over seeds and the controls, and writes score.json, score.md and score.csv.

    \b
    Example:
      fsrvos score work/runs/sample-demo-fold1 --data work/data/sample
      fsrvos score
      fsrvos score submission.zip --data my/dataset --fold 1 --protocol ref-youtube-vos
    """
    if predictions is not None and places.is_foreign(predictions):
        from stages.score import score_foreign

        data = places.find_data(data)
        protocol = protocol or "davis"
        out = out or places.foreign_score(predictions, protocol)
        found = score_foreign(
            source=predictions,
            data_root=data,
            out=out,
            protocol=protocol,
            fold=fold,
            episodes=episodes,
            order=rle_order,  # type: ignore[arg-type]
            command=command_line(data=data, protocol=protocol, out=out),
        )
        emit(found, as_json)
        return
    for name, value in (("--fold", fold), ("--episodes", episodes), ("--out", out)):
        if value is not None:
            raise UsageError(f"{name} is for other programs' masks; an evaluation says it itself")
    predictions = places.find_predictions(predictions)
    from stages.score import score as score_predictions

    found = score_predictions(
        predictions=predictions,
        data_root=data,
        protocol=protocol,
        command=command_line(predictions=predictions, rle_order=None),
    )
    emit(found, as_json)
