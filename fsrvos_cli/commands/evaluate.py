"""`fsrvos evaluate`: every test episode of a fold -> a folder of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs import UsageError
from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit, emit_each

if TYPE_CHECKING:
    from cache import Place


_DRAWING = ("evaluate.seeds", "evaluate.support_frames", "evaluate.episodes_per_category")


@click.command(cls=once.Command)
@options.data_option
@options.folds_option
@options.run_option()
@click.option(
    "-o",
    "--out",
    type=options.FOLDER,
    help="Folder of the evaluation.  [default: one of its own under the run's evaluations/]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Drawings of the support videos.  [default: evaluate.seeds of the configuration]",
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    help="Support frames of each episode.  [default: evaluate.support_frames of the configuration]",
)
@click.option(
    "--episodes",
    type=options.ANY_PATH,
    multiple=True,
    help="Ask the episodes of this file, or of every file of a folder (`fsrvos data episodes`); "
    "may be repeated. They say seeds and shots.",
)
@click.option(
    "--finetune-on-support",
    type=click.IntRange(min=0),
    metavar="STEPS",
    help="Tune a copy of the network for so many steps on an episode's support clip before it is "
    "asked.  [default: evaluate.finetune_steps of the configuration]",
)
@click.option(
    "--controls/--no-controls",
    default=True,
    show_default=True,
    help="Also run with a wrong support, an empty sentence, the twin's sentence and no training.",
)
@options.config_options(
    "evaluate.", "features.stored", "encoder.vision", "encoder.text", of_run=True
)
@options.cache_option
@options.device_option
@options.json_option
def evaluate(
    data: Path | None,
    fold: int | str | None,
    run: Path | None,
    out: Path | None,
    seeds: int | None,
    shots: int | None,
    episodes: tuple[Path, ...],
    finetune_on_support: int | None,
    controls: bool,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Place | None,
    device: str,
    as_json: bool,
) -> None:
    """Run every test episode of a fold and keep the masks: predictions.h5 in a folder of its own.

    The classes of a fold's test episodes were never trained on. The controls are the same
    episodes with one thing taken away; a network that uses it must lose.

    Network, encoders and sizes are the run's. Of the configuration, the section evaluate counts,
    and features.stored: what the masks would be from a cache of another stored type. Every data
    set, fold and setting has a folder of its own, so that none overwrites another. --fold all
    evaluates the run and those beside it that `fsrvos train --fold all` made, each on its fold.

    \b
    Example:
      fsrvos evaluate --run work/runs/sample-demo-fold1
      fsrvos evaluate --run work/runs/sample-demo-fold1 --fold all
      fsrvos evaluate --seeds 2 --no-controls
      fsrvos evaluate --set features.stored=uint4 --out work/uint4
      fsrvos evaluate --shots 10
      fsrvos evaluate --finetune-on-support 60
      fsrvos evaluate --episodes work/episodes
    """
    run = places.find_run(run)
    data = places.find_data(data, run)
    if episodes:
        _refuse_drawing(seeds, shots, pairs)
    if seeds is not None:
        pairs = (*pairs, f"evaluate.seeds={seeds}")
    if shots is not None:
        pairs = (*pairs, f"evaluate.support_frames={shots}")
    if finetune_on_support is not None:
        pairs = (*pairs, f"evaluate.finetune_steps={finetune_on_support}")
    cache_dir = places.cache_root(cache_dir)
    from configs.values import is_among, pair, values_of
    from stages.data.episode_files import find_episodes
    from stages.evaluate import evaluate as evaluate_fold
    from stages.runs.evaluation import FREE
    from stages.runtime.device import choose_device

    device = choose_device(device)
    files = find_episodes(episodes)
    drawn = _DRAWING if files else ()  # which the files say

    def evaluate_run(run: Path, fold: int) -> dict[str, Path]:
        config = options.config_of_run(config_source, pairs, run)
        values = values_of(config)
        stated = [pair(n, values[n]) for n in values if is_among(n, FREE) and n not in drawn]
        folder = evaluate_fold(
            data_root=data,
            fold=fold,
            run=run,
            out=out,
            config=config,
            cache_root=cache_dir,
            device=device,
            controls=controls,
            episodes=files,
            command=command_line(
                data=data,
                fold=fold,
                run=run,
                seeds=None,
                shots=None,
                episodes=files,
                finetune_on_support=None,
                config_source=None,
                pairs=stated,
                cache_dir=cache_dir,
                device=device,
            ),
        )
        return {"evaluation": folder.path, "predictions": folder.predictions}

    if fold != options.ALL:
        number = places.fold_of_run(None if fold is None else int(fold), run)
        emit(evaluate_run(run, number), as_json)
        return
    if out is not None or files:
        raise UsageError("--fold all evaluates a run of each fold; leave --out and --episodes out")
    from stages.data.folds import folds_of
    from stages.data.index import load_dataset

    folds = folds_of(load_dataset(data))
    runs = places.runs_of_folds(run, folds)
    emit_each([evaluate_run(*each) for each in zip(runs, folds, strict=True)], as_json)


def _refuse_drawing(seeds: int | None, shots: int | None, pairs: Sequence[str]) -> None:
    """UsageError where the line says how to draw episodes beside naming drawn ones."""
    stated = [name for pair in pairs if (name := pair.partition("=")[0].strip()) in _DRAWING]
    stated += [name for name, value in (("--seeds", seeds), ("--shots", shots)) if value]
    if stated:
        raise UsageError(f"--episodes says which episodes are asked; leave out {stated[0]}")
