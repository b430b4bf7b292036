"""`fsrvos predict`: one video, a sentence and a few annotated frames -> masks."""

from __future__ import annotations

from pathlib import Path

import click

from configs import DataError, PartialError, UsageError
from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("video", type=options.ANY_PATH)
@click.argument("expression")
@click.option(
    "--support",
    type=options.ANY_PATH,
    required=True,
    help="Folder of annotated frames (images with masks, LabelMe or COCO JSON, a video with "
    "masks), or what `fsrvos support save` made of one.",
)
@options.support_expression_option
@options.run_option("--checkpoint", default="shipped")
@click.option("-o", "--out", type=options.FOLDER, help="Output folder.  [default: under work/]")
@options.device_option
@options.json_option
def predict(
    video: Path,
    expression: str,
    support: Path,
    support_expression: str | None,
    run: Path | None,
    out: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Segment in every frame of VIDEO the object that EXPRESSION describes.

    VIDEO is a video file or a folder of images. The support folder shows the kind of object on
    a few frames of other videos. Written to the output folder: masks as indexed PNG, an overlay
    video, a contact sheet and scores.json.

    \b
    Example:
      fsrvos predict video.mp4 "a brown dog barking" --support dir/
      fsrvos predict video.mp4 "a brown dog" --support dir/ --support-expression "a white dog"
    """
    expression = _clean(expression, "EXPRESSION")
    if support_expression is not None:
        support_expression = _clean(support_expression, "--support-expression")
    run = places.run_for_prediction(run)
    if out is None:
        out = places.prediction(video, expression, support, support_expression, run)
        places.taken("--out", out)
    from stages.runtime.device import choose_device

    device = choose_device(device)
    from stages.predict import predict as predict_video

    report = predict_video(
        video=video,
        expression=expression,
        support=support,
        support_expression=support_expression,
        run=run,
        out=out,
        device=device,
        command=command_line(run=run, out=out, device=device),
    )
    emit(report, as_json)
    if report.shortfall:
        raise PartialError(report.shortfall)


def _clean(sentence: str, name: str) -> str:
    """The sentence as the program reads it; UsageError where it cannot be used."""
    from stages.data.files import clean_expression

    try:
        return clean_expression(sentence, name)
    except DataError as error:  # in a dataset the data are wrong, here the call is
        raise UsageError(str(error)) from error
