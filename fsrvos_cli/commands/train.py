"""`fsrvos train`: features and masks -> checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs import UsageError, load_config
from configs.loading import DEFAULT_PRESET
from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit, emit_each

if TYPE_CHECKING:
    from cache import Place


@click.command(cls=once.Command)
@click.option("--from-cache", is_flag=True, help="Read features instead of running the encoders.")
@options.several_data_option
@options.folds_option
@options.run_option()
@options.config_options("encoder.", "features.", "data.", "model.", "train.", "evaluate.")
@options.cache_option
@options.device_option
@options.seed_option
@click.option(
    "--init",
    type=options.ANY_PATH,
    help="Start from the weights of this run or file. What differs in name or size starts anew, "
    "which is printed.",
)
@click.option(
    "--pretrain",
    is_flag=True,
    help="Train on single pictures, such as RefCOCO's: clips and supports of one frame, and no "
    "kind held out unless --fold says so. --init goes on from it.",
)
@click.option(
    "--overwrite", is_flag=True, help="Train anew and drop what the run folder holds, if anything."
)
@options.json_option
def train(
    from_cache: bool,
    data: tuple[Path, ...],
    fold: int | str | None,
    run: Path | None,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Place | None,
    device: str,
    seed: int,
    init: Path | None,
    pretrain: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Train the network on episodes of a fold's training classes.

    Without --from-cache the encoders run live, on frames mirrored, cropped and recoloured anew for
    every clip: nothing is cached, and every step is slower. From the cache, training draws among
    the views that `fsrvos features --set features.views=K` put there.
    A run that was interrupted goes on from its last checkpoint; one that is complete is left, or
    goes on where --set train.steps is more than it had: from there by the learning rates of the
    longer training. With other settings it is refused, unless --overwrite is given. --fold all
    trains a run of each fold, one after the other.

    \b
    Example:
      fsrvos train --from-cache
      fsrvos train --from-cache --fold 2 --config paper --set train.steps=20000
      fsrvos train --from-cache --set features.views=4
      fsrvos train --from-cache --config demo --set train.steps=600
      fsrvos train --from-cache --fold all
      fsrvos train --from-cache --data my/photographs --data work/data/sample
      fsrvos train --pretrain --data work/data/refcoco --run work/runs/pictures
      fsrvos train --from-cache --init work/runs/pictures
    """
    if pretrain:
        pairs = ("data.frames=1", "data.support_frames=1", *pairs)
        fold = 0 if fold is None else fold
    config = load_config(config_source, pairs)
    data = data or (places.find_data(None),)
    cache_dir = places.cache_root(cache_dir)
    from stages.runtime.device import choose_device

    device = choose_device(device)
    from stages.runs.training import TrainReport
    from stages.train import train as train_network

    def train_fold(number: int) -> TrainReport:
        place = places.run_for_training(run, data, config_source or DEFAULT_PRESET, number)
        return train_network(
            config=config,
            data_roots=data,
            fold=number,
            run=place,
            cache_root=cache_dir,
            from_cache=from_cache,
            device=device,
            seed=seed,
            init=init,
            overwrite=overwrite,
            command=command_line(
                data=data,
                fold=number,
                run=place,
                config_source=options.config_place(config_source),
                cache_dir=cache_dir,
                device=device,
                overwrite=False,
            ),
        )

    if fold != options.ALL:
        emit(train_fold(1 if fold is None else int(fold)), as_json)
        return
    if run is not None:
        raise UsageError("--fold all makes a run of each fold; leave --run out")
    from stages.data.folds import folds_of
    from stages.data.joined import load_datasets

    emit_each([train_fold(number) for number in folds_of(load_datasets(data))], as_json)
