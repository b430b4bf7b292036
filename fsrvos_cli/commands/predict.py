"""`fsrvos predict`: videos, sentences and a few annotated frames -> masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs import FsrvosError, PartialError
from fsrvos_cli import asking, once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit
from stages.predicting.options import FORMATS

if TYPE_CHECKING:
    from stages.data.excerpt import Moment
    from stages.predicting.outcomes import BatchReport
    from stages.predicting.requests import Request


@click.command(cls=once.Command)
@click.argument("words", nargs=-1, metavar="VIDEO... EXPRESSION")
@click.option(
    "-e",
    "--expression",
    "expressions",
    multiple=True,
    metavar="TEXT",
    help="Sentence to look for, in place of the last argument; may be repeated.",
)
@click.option(
    "--list",
    "list_file",
    type=options.FILE,
    help="CSV or JSON with a line for each video and sentence, in place of arguments.",
)
@click.option(
    "--support",
    "supports",
    type=options.ANY_PATH,
    multiple=True,
    help="Folder of annotated frames (images with masks, LabelMe or COCO JSON, a video with "
    "masks), or what `fsrvos support save` made of one. Several go with as many sentences.",
)
@click.option(
    "--support-expression",
    "support_expressions",
    multiple=True,
    metavar="TEXT",
    help="Sentence about the object of the support frames, one for each --support.  "
    "[default: support.toml's]",
)
@options.run_option("--checkpoint", default="shipped")
@click.option(
    "-o",
    "--out",
    type=options.FOLDER,
    help="Output folder; of several videos, the folder that holds theirs.  [default: under work/]",
)
@asking.excerpt_options
@click.option(
    "--adapt",
    is_flag=True,
    help="Tune the network on the support first, and use that if frames left out say it helps.",
)
@click.option("--soft", is_flag=True, help="Also write how likely each pixel is the object's.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    help="Also write: masks for other tools (coco: run lengths, labelme, cvat, yolo), or the "
    "object alone on nothing for editors (webm: VP9, prores: ProRes 4444). May be repeated.",
)
@click.option(
    "--side-by-side", is_flag=True, help="Show the frames as they are beside the overlay's."
)
@click.option(
    "--multi",
    is_flag=True,
    help="Mark every instance that fits, each with an id of its own, and write tracks.json.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Presence from which a frame shows the object, or with --multi an instance counts.  "
    "[default: the run's own, at most 0.5; with --multi 0.5]",
)
@click.option(
    "--whole-video",
    is_flag=True,
    help="All frames go through the network together, where memory allows.",
)
@options.seed_option
@options.jobs_option(1, "Processes that work on several videos side by side.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Of several videos, make those again that are finished with the same settings.",
)
@click.option(
    "--continue",
    "go_on",
    is_flag=True,
    help="Go on where a prediction in the output folder ended early: after Ctrl-C, or at damage.",
)
@options.set_option(
    *("encoder.", "features.short_side", "features.long_side"),
    *("evaluate.window", "evaluate.sharpen", "train.precision"),
)
@options.device_option
@options.json_option
def predict(
    words: tuple[str, ...],
    expressions: tuple[str, ...],
    list_file: Path | None,
    supports: tuple[Path, ...],
    support_expressions: tuple[str, ...],
    run: Path | None,
    out: Path | None,
    start: Moment | None,
    end: Moment | None,
    stride: int,
    max_side: int | None,
    adapt: bool,
    soft: bool,
    formats: tuple[str, ...],
    side_by_side: bool,
    multi: bool,
    threshold: float | None,
    whole_video: bool,
    seed: int,
    jobs: int,
    overwrite: bool,
    go_on: bool,
    pairs: tuple[str, ...],
    device: str,
    as_json: bool,
) -> None:
    """Segment in every frame of VIDEO the object that EXPRESSION describes.

    VIDEO is a video file or a folder of images. The support folder shows the kind of object on
    a few frames of other videos. Written to the output folder: masks as indexed PNG, an overlay
    video, a contact sheet and scores.json.

    VIDEO may also be a folder of videos or a pattern such as "clips/*.mp4", and there may be
    several: each then has a folder of its own, those that are finished are left, one that fails
    stops no other, and summary.json says what became of each.

    \b
    Example:
      fsrvos predict video.mp4 "a brown dog barking" --support dir/
      fsrvos predict video.mp4 "a brown dog" --support dir/ --support-expression "a white dog"
      fsrvos predict clips/*.mp4 "a brown dog" --support dogs/ -o found/ --jobs 2
      fsrvos predict clips/ -e "a brown dog" -e "a cat" --support dogs/ --support cats/ -o found/
      fsrvos predict --list wanted.csv --support dogs/ -o found/
    """
    excerpt = asking.excerpt(start, end, stride, max_side)
    asked = asking.asked(words, expressions, list_file, supports, support_expressions, excerpt)
    run = places.run_for_prediction(run)
    config = options.config_of_run(None, pairs, run) if pairs else None
    if out is None:
        out = places.prediction(asked.requests[0], run) if asked.single else places.predictions()
        places.taken("--out", out)
    from stages.predict import predict as predict_video
    from stages.predict import predict_many
    from stages.predicting.options import PredictOptions
    from stages.runtime.device import choose_device

    device = choose_device(device)
    manner = PredictOptions(
        adapt=adapt,
        soft=soft,
        multi=multi,
        threshold=threshold,
        seed=seed,
        formats=tuple(dict.fromkeys(formats)),
        side_by_side=side_by_side,
        whole_video=whole_video,
    )

    def alone(request: Request, folder: Path) -> str:
        spoken = request.support_expression
        return command_line(
            words=(request.video, request.expression),
            expressions=(),
            list_file=None,
            supports=(request.support,),
            support_expressions=() if spoken is None else (spoken,),
            run=run,
            out=folder,
            start=request.excerpt.start,
            end=request.excerpt.end,
            stride=request.excerpt.stride,
            jobs=None,
            overwrite=False,
            go_on=False,
            device=device,
        )

    if asked.single:
        (request,) = asked.requests
        report = predict_video(
            video=request.video,
            expression=request.expression,
            support=request.support,
            support_expression=request.support_expression,
            run=run,
            out=out,
            device=device,
            command=alone(request, out),
            config=config,
            excerpt=excerpt,
            options=manner,
            go_on=go_on,
        )
        emit(report, as_json)
        if report.shortfall:
            raise PartialError(report.shortfall)
        return
    batch = predict_many(
        requests=asked.requests,
        run=run,
        home=out,
        device=device,
        config=config,
        options=manner,
        jobs=jobs,
        overwrite=overwrite,
        go_on=go_on,
        commands=alone,
        command=command_line(words=asked.words, run=run, out=out, device=device),
    )
    emit(batch, as_json)
    _raise_for(batch)


def _raise_for(batch: BatchReport) -> None:
    """PartialError where a part failed or was cut short; where all failed, the error of all."""
    problems = batch.problems
    if not problems:
        return
    says = f"{len(problems)} of {len(batch.outcomes)} could not be done in full; {batch.summary}"
    if any(outcome.state != "failed" for outcome in batch.outcomes):
        raise PartialError(f"{says} says which: {problems[0].problem}")
    codes = {outcome.exit_code for outcome in problems}
    error = FsrvosError(f"{says} says why: {problems[0].problem}")
    error.exit_code = codes.pop() if len(codes) == 1 else FsrvosError.exit_code
    raise error
