"""`fsrvos evaluate`: every test episode of a fold -> predictions.h5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit

if TYPE_CHECKING:
    from cache import Place


@click.command(cls=once.Command)
@options.data_option
@options.fold_option
@options.run_option()
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Drawings of the support videos.  [default: evaluate.seeds of the configuration]",
)
@click.option(
    "--controls/--no-controls",
    default=True,
    show_default=True,
    help="Also run with a wrong support, an empty sentence, the twin's sentence and no training.",
)
@options.config_options
@options.cache_option
@options.device_option
@options.json_option
def evaluate(
    data: Path | None,
    fold: int | None,
    run: Path | None,
    seeds: int | None,
    controls: bool,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Place | None,
    device: str,
    as_json: bool,
) -> None:
    """Run every test episode of a fold and write the masks to predictions.h5 in the run folder.

    The classes of a fold's test episodes were never trained on. The controls are the same
    episodes with one thing taken away; a network that uses it must lose.

    Network, encoders and sizes are the run's. Of the configuration, the section evaluate counts,
    and features.dtype: what the masks would be from a cache of another stored type.

    \b
    Example:
      fsrvos evaluate --run work/runs/sample-demo-fold1
      fsrvos evaluate --seeds 2 --no-controls
      fsrvos evaluate --set features.dtype=uint4
    """
    run = places.find_run(run)
    data = places.find_data(data, run)
    fold = places.fold_of_run(fold, run)
    config = options.config_of_run(config_source, pairs, run)
    from stages.runtime.device import choose_device

    device = choose_device(device)
    from stages.evaluate import evaluate as evaluate_fold

    written = evaluate_fold(
        config,
        data,
        fold,
        run,
        places.cache_root(cache_dir),
        device,
        seeds,
        controls,
    )
    emit({"predictions": written}, as_json)
