"""`fsrvos features`: frames and sentences -> cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from configs import Config, UsageError, load_config
from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit

if TYPE_CHECKING:
    from cache import Place


@click.command(cls=once.Command)
@options.data_option
@options.folds_option
@click.option(
    "--split",
    type=click.Choice(["train", "test", "all"]),
    default="all",
    show_default=True,
    help="Videos of the fold's training classes, of its test classes, or all.",
)
@options.run_option(default="none: --config and --set say what is made")
@options.config_options("encoder.", "features.")
@options.cache_option
@options.device_option
@click.option(
    "--backend",
    type=click.Choice(["local", "dask", "ray"]),
    default="local",
    show_default=True,
    help="Who encodes the videos: this process, or the workers of an existing cluster.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    default="",
    help="Of the cluster: Dask's scheduler, or Ray's head.  [ray's default: the one running here]",
)
@click.option(
    "--shard",
    is_flag=True,
    help="Write one file an array instead of one a frame, for network disks and object stores. "
    "Both are read alike; what is already there is not written again.",
)
@click.option("--plan", is_flag=True, help="Say what is there, what is missing and its size.")
@click.option("--force", is_flag=True, help="Encode again what is already there.")
@options.json_option
def features(
    data: Path | None,
    fold: int | str | None,
    split: str,
    run: Path | None,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Place | None,
    device: str,
    backend: Literal["local", "dask", "ray"],
    address: str,
    shard: bool,
    plan: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run the frozen encoders over videos and sentences once and keep what they say.

    What is already in the cache is not encoded again, so a second call returns at once and a
    call after an interruption goes on where that one stopped.

    With --backend, the videos go to the workers of a Dask or Ray cluster. Every machine of it
    must have this program and its weights, and see the dataset and the cache under the same
    paths (a shared folder), or the cache under one URL. What a dying worker held is done again.

    \b
    Example:
      fsrvos features --data work/data/sample --fold 1 --split train
      fsrvos features --data my/clips --fold 1 --run shipped
      fsrvos features --fold all
      fsrvos features --plan
      fsrvos features --set features.views=4 --plan
      fsrvos features --cache-dir s3://bucket/features --shard
      fsrvos features --cache-dir /shared/cache --backend dask --address tcp://10.0.0.1:8786
    """
    config = _config(config_source, pairs, run)
    data = places.find_data(data)
    from stages.data.folds import EVERY_KIND
    from stages.extraction.clusters import Cluster
    from stages.features import extract
    from stages.runtime.device import choose_device

    if address and backend == "local":
        raise UsageError("--address needs --backend dask or --backend ray")
    cluster = None if backend == "local" else Cluster(backend, address, device)

    if fold == options.ALL and split != "all":
        raise UsageError("--fold all is about every video; leave --split out")
    number = EVERY_KIND if fold == options.ALL else 1 if fold is None else int(fold)
    cache_dir = places.cache_root(cache_dir)
    chosen = choose_device(device)
    report = extract(
        config=config,
        data_root=data,
        fold=number,
        split=split,
        cache_root=cache_dir,
        device=chosen,
        plan=plan,
        force=force,
        layout="shards" if shard else "chunks",
        cluster=cluster,
        command=command_line(
            data=data,
            fold=number,
            config_source=options.config_place(config_source),
            cache_dir=cache_dir,
            device=chosen,
        ),
    )
    emit(report, as_json)


def _config(config_source: str | None, pairs: tuple[str, ...], run: Path | None) -> Config:
    """What is stated, over what a run was made with where one is named."""
    if run is None:
        return load_config(config_source, pairs)
    if config_source is not None:
        raise UsageError("--run has a configuration of its own; leave --config out")
    return options.config_of_run(None, pairs, places.find_run(run))
