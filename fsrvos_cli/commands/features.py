"""`fsrvos features`: frames and sentences -> cache."""

from __future__ import annotations

from pathlib import Path

import click

from configs import load_config
from fsrvos_cli import options, places
from fsrvos_cli.output import emit


@click.command()
@options.data_option
@options.fold_option
@click.option(
    "--split",
    type=click.Choice(["train", "test", "all"]),
    default="all",
    show_default=True,
    help="Videos of the fold's training classes, of its test classes, or all.",
)
@options.config_options
@options.cache_option
@options.device_option
@click.option("--plan", is_flag=True, help="Say what is there, what is missing and its size.")
@click.option("--force", is_flag=True, help="Encode again what is already there.")
@options.json_option
def features(
    data: Path | None,
    fold: int | None,
    split: str,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Path | None,
    device: str,
    plan: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run the frozen encoders over videos and sentences once and keep what they say.

    What is already in the cache is not encoded again, so a second call returns at once and a
    call after an interruption goes on where that one stopped.

    \b
    Example:
      fsrvos features --data work/data/sample --fold 1 --split train
      fsrvos features --plan
      fsrvos features --set features.views=4 --plan
    """
    config = load_config(config_source, pairs)
    data = places.find_data(data)
    from stages.device import choose_device

    device = choose_device(device)
    from stages.features import extract

    report = extract(
        config,
        data,
        1 if fold is None else fold,
        split,
        places.cache_root(cache_dir),
        device=device,
        plan=plan,
        force=force,
    )
    emit(report, as_json)
