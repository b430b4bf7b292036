"""`fsrvos support`: what shows a kind of object."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit


@click.group(cls=once.Group)
def support() -> None:
    """Support folders: annotated frames that show a kind of object.

    \b
    Example:
      fsrvos support draw dogs.mp4 dogs/
      fsrvos support save dogs/ dog.support
    """


@support.command()
@click.argument("folder", type=options.FOLDER, metavar="DIR")
@click.argument("file", type=options.FILE)
@options.support_expression_option
@options.run_option("--checkpoint", default="shipped")
@options.set_option("encoder.", "features.short_side", "features.long_side")
@options.device_option
@options.json_option
def save(
    folder: Path,
    file: Path,
    support_expression: str | None,
    run: Path | None,
    pairs: tuple[str, ...],
    device: str,
    as_json: bool,
) -> None:
    """Encode the support folder DIR once and keep it as FILE, a few MB without any picture.

    FILE (*.support) is what `fsrvos predict --support FILE` takes in place of the folder. It
    serves every run that has the same vision encoder at the same size, and no other.

    \b
    Example:
      fsrvos support save dogs/ dog.support
      fsrvos predict video.mp4 "a brown dog" --support dog.support
    """
    run = places.run_for_prediction(run)
    config = options.config_of_run(None, pairs, run)
    from stages.runtime.device import choose_device
    from stages.support import save_support

    device = choose_device(device)
    emit(
        save_support(
            folder=folder,
            file=file,
            run=run,
            support_expression=support_expression,
            config=config,
            device=device,
            command=command_line(run=run, device=device),
        ),
        as_json,
    )


@support.command()
@click.argument("video", type=options.ANY_PATH)
@click.argument("folder", type=options.FOLDER, metavar="DIR")
@click.option(
    "--on",
    type=options.ANY_PATH,
    metavar="OTHER_VIDEO",
    help="Video that predictions are tried on.  [default: the other frames of VIDEO]",
)
@options.run_option("--checkpoint", default="shipped")
@options.set_option("encoder.", "evaluate.", "features.short_side", "features.long_side")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine.  [default: a free one]",
)
@click.option("--no-browser", is_flag=True, help="Print the page's address, and open nothing.")
@options.device_option
@options.json_option
def draw(
    video: Path,
    folder: Path,
    on: Path | None,
    run: Path | None,
    pairs: tuple[str, ...],
    port: int,
    no_browser: bool,
    device: str,
    as_json: bool,
) -> None:
    """Draw the object on frames of VIDEO, on a page in the browser, and save them as DIR.

    The page outlines and paints, brings a rough outline to the object's edges, tries what has been
    drawn on OTHER_VIDEO, and lets you correct what it shows there. It is served on this machine
    alone. DIR is then what `fsrvos predict --support DIR` takes; drawn before, it is gone on with.

    \b
    Example:
      fsrvos support draw dogs.mp4 dogs/ --on video.mp4
      fsrvos predict video.mp4 "a brown dog" --support dogs/
    """
    run = places.run_for_prediction(run)
    config = options.config_of_run(None, pairs, run)
    from stages.runtime.device import choose_device
    from stages.support import draw_support

    emit(
        draw_support(
            video=video,
            folder=folder,
            run=run,
            on=on,
            config=config,
            device=choose_device(device),
            port=port,
            browse=not no_browser,
        ),
        as_json,
    )
