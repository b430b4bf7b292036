"""`fsrvos data episodes` and `fsrvos data splits`: what is asked and what is held out, as files."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("out", type=options.FOLDER)
@options.data_option
@options.fold_option
@click.option(
    "--seeds",
    type=click.IntRange(min=1, max=1000),
    default=5,
    show_default=True,
    help="Drawings of the support videos, a file each.",
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Annotated support frames of each episode.",
)
@click.option(
    "--per-category",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Queries drawn of each category; 0 is all.",
)
@click.option(
    "--every-object",
    is_flag=True,
    help="Also ask about objects of other categories in the test videos, as protocol paper does.",
)
@options.json_option
def episodes(
    out: Path,
    data: Path | None,
    fold: int | None,
    seeds: int,
    shots: int,
    per_category: int,
    every_object: bool,
    as_json: bool,
) -> None:
    """Write the test episodes of a fold to OUT/seed<k>.json, and print their digests.

    They name videos, expressions, objects and frames, so that any program can run the same ones:
    `fsrvos evaluate --episodes OUT` does, and `fsrvos score MASKS --episodes OUT/seed0.json` scores
    another program's masks of them.

    \b
    Example:
      fsrvos data episodes work/episodes --fold 1 --shots 10
    """
    from stages.data.episode_files import write_episodes
    from stages.data.index import load_dataset

    if fold is None:
        fold = 1
        places.taken("--fold", fold)
    written = write_episodes(
        load_dataset(places.find_data(data)),
        out,
        fold=fold,
        seeds=seeds,
        shots=shots,
        per_category=per_category,
        every_object=every_object,
    )
    emit(written, as_json)


@click.command(cls=once.Command)
@options.data_option
@options.json_option
def splits(data: Path | None, as_json: bool) -> None:
    """Spell out every fold in DATA/splits/group<N>_train.json and _test.json.

    The files list categories and videos. They then count in place of the rule: what is changed in
    them changes what is trained and tested.

    \b
    Example:
      fsrvos data splits --data my/dataset
    """
    from stages.data.folds import stated_folds
    from stages.data.index import load_dataset
    from stages.data.splits import write_splits

    dataset = load_dataset(places.find_data(data))
    folds = stated_folds(dataset)
    folder = write_splits(dataset, folds)
    emit({"splits": folder, "folds": list(folds)}, as_json)
