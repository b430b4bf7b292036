"""Somebody's predictions as our predictions file, so that all that reads ours reads theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stages.data.dataset import Dataset
from stages.data.queries import Query
from stages.data.rle import Order
from stages.predictions.foreign.formats import read_answers
from stages.predictions.foreign.matching import match
from stages.predictions.writer import PredictionWriter
from stages.runtime.progress import say, track


def adopt(
    source: Path,
    out: Path,
    dataset: Dataset,
    queries: Sequence[Query],
    *,
    resized: bool,
    order: Order | Literal["auto"],
    meta: Mapping[str, Any],
) -> None:
    """Write the masks that `source` holds of the queries to the file `out`, whole or absent.

    resized: as `match`; order: as `read_answers`; meta: what the file says of itself, to which the
    layout is added. What was understood of the source is said on stderr.

    Raises MissingError or DataError, one line that names what does not fit.
    """
    answers = read_answers(source, dataset, order)
    for note in answers.notes:
        say(f"{source.name}: {note}")
    unasked = len(answers.sheets) - len(queries)
    if answers.annotators is None and unasked > 0:
        say(f"{source.name}: holds {unasked} expressions more than the {len(queries)} asked about")
    with PredictionWriter(out, {**meta, "layout": answers.layout}) as writer:
        found = match(answers, dataset, queries, resized)
        for prediction in track(found, total=len(queries), description="reading masks"):
            writer.add(prediction)
