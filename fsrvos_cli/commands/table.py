"""`fsrvos table`: all that a table of the paper needs is made, and the table printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit

if TYPE_CHECKING:
    from cache import Place

BASE = "small"


@click.command(cls=once.Command)
@click.argument("number", type=click.IntRange(1, 4))
@options.data_option
@click.option(
    "--test",
    "tested",
    type=options.FOLDER,
    help="Dataset of the test episodes, on which nothing is trained.  [default: --data]",
)
@click.option(
    "--fold",
    "folds",
    type=options.FOLDS,
    default="all",
    show_default=True,
    help="Folds, as in 1,3. Tables 3 and 4 take the first.",
)
@click.option(
    "--method",
    "methods",
    metavar="PRESET",
    multiple=True,
    help="A row: a preset that changes the network of --config, as danet, or `ours` for --config "
    "itself; may be repeated.  [default: the table's]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Trainings of each row, by seeds from 0. Drawings of the support are evaluate.seeds.",
)
@click.option(
    "--finetune-on-support",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    metavar="STEPS",
    help="Steps of the tuned rows of table 3; 0 leaves these rows out.",
)
@click.option("-o", "--out", type=options.FOLDER, help="Runs.  [default: work/runs/tables]")
@options.config_options("encoder.", "features.", "data.", "model.", "train.", "evaluate.")
@options.cache_option
@options.device_option
@options.json_option
def table(
    number: int,
    data: Path | None,
    tested: Path | None,
    folds: tuple[int, ...] | None,
    methods: tuple[str, ...],
    seeds: int,
    finetune_on_support: int,
    out: Path | None,
    config_source: str | None,
    pairs: tuple[str, ...],
    cache_dir: Place | None,
    device: str,
    as_json: bool,
) -> None:
    """Make what is missing of table NUMBER of the paper, and print it with ours beside it.

    Every method is trained on the same features and episodes for the same number of steps, then
    asked the same test episodes. What is there is left, and what was interrupted goes on. Scores
    are by protocol `paper`, unless --set evaluate.protocol says otherwise.

    \b
    Example:
      fsrvos table 1
      fsrvos table 2 --data my/mini-ref-youtube-vos --test my/mini-ref-sail-vos --config paper
      fsrvos table 1 --fold 1 --seeds 3 --method danet --method ours --method similarity
      fsrvos table 4 --set train.steps=400
    """
    data = places.find_data(data).absolute()
    tested = data if tested is None else tested.absolute()
    if out is None:
        out = places.work_root() / "runs" / "tables"
        places.taken("--out", out)
    if config_source is None:
        config_source = BASE
        places.taken("--config", BASE)
    cache_dir = places.cache_root(cache_dir)
    from stages.data.folds import folds_of
    from stages.data.index import load_dataset
    from stages.grid.cells import cells_of
    from stages.grid.making import Grid
    from stages.report import paper_table
    from stages.runtime.device import choose_device

    grid = Grid(
        base=options.config_place(config_source),
        pairs=("evaluate.protocol=paper", *pairs),
        trained=data,
        tested=tested,
        home=out,
        cache_root=cache_dir,
        device=choose_device(device),
    )
    cells = cells_of(
        number, methods, folds or folds_of(load_dataset(data)), range(seeds), finetune_on_support
    )
    emit(paper_table(number=number, runs=grid.make(cells)), as_json)
