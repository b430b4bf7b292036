"""The CMA paper's tables, with ours beside them.

Figures of another dataset than the paper's are printed below its table under their own heading:
they cannot be compared, and no row mixes the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.reporting import published
from stages.reporting.caveats import caveats
from stages.reporting.published import FIGURE_HEAD, FOLD_HEAD, SAIL, YOUTUBE, Rows
from stages.reporting.rows import (
    TRAINING_HEAD,
    affinity_rows,
    figure_rows,
    fold_rows,
    training_rows,
)
from stages.reporting.run import Run
from stages.scoring.table import align


@dataclass(frozen=True)
class Block:
    """Rows under one heading, all of one dataset."""

    heading: str
    head: tuple[str, ...]
    rows: Rows


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper and our figures, in blocks that belong to one dataset each."""

    number: int
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]

    def table(self) -> str:
        """Plain text."""
        lines = [self.title]
        for block in self.blocks:
            rows = align([block.head, *block.rows])
            lines += ["", block.heading, rows[0], "-" * max(len(r) for r in rows), *rows[1:]]
        return "\n".join([*lines, *[f"\n{note}" for note in self.notes]])

    def to_json(self) -> dict[str, Any]:
        """Plain values for --json."""
        blocks = [
            {"heading": b.heading, "rows": [dict(zip(b.head, row, strict=True)) for row in b.rows]}
            for b in self.blocks
        ]
        return {
            "table": self.number,
            "title": self.title,
            "blocks": blocks,
            "notes": list(self.notes),
        }


def build(number: int, runs: Sequence[Run]) -> PaperTable:
    """The paper's table of that number with the runs' figures. ``number`` is 1 to 4.

    Raises UsageError where two runs are the same training, which no mean is to count twice.
    """
    scored = [run for run in runs if run.score is not None]
    notes = [f"{run.name} has no score and is left out." for run in runs if run.score is None]
    if number in (1, 2):
        dataset, rows = ((YOUTUBE, published.TABLE_1), (SAIL, published.TABLE_2))[number - 1]
        blocks = [Block(f"{dataset}, the paper's figures", FOLD_HEAD, rows)]
        blocks += _by_dataset(scored, dataset, FOLD_HEAD, fold_rows)
    elif number == 3:
        blocks = [Block(f"{SAIL}, fold 1, the paper's figures", FIGURE_HEAD, published.TABLE_3)]
        scored = [run for run in scored if run.fold == 1]
        blocks += _by_dataset(scored, SAIL, FIGURE_HEAD, figure_rows)
        notes.append(published.LBDT_MEANS)
    else:
        blocks = [Block(f"{YOUTUBE}, fold 1, the paper's figures", FIGURE_HEAD, published.TABLE_4)]
        blocks += _by_dataset(scored, YOUTUBE, FIGURE_HEAD, affinity_rows)
        notes.append(published.ONE_FIGURE)
    notes.append(published.OWN_PROTOCOL)
    notes += caveats(scored)
    if not scored:
        notes.append("No run with a score was named.")
    return PaperTable(number, published.TITLES[number], tuple(blocks), tuple(notes))


def _by_dataset(
    runs: Sequence[Run],
    benchmark: str,
    head: tuple[str, ...],
    rows_of: Callable[[Sequence[Run]], Rows],
) -> list[Block]:
    """A dataset's figures, and what its runs took and lose; the paper's benchmark first."""
    found = {(run.kind, run.dataset) for run in runs}
    blocks = []
    for kind, name in sorted(found, key=lambda one: (one[0] != benchmark, one[1], str(one[0]))):
        members = [run for run in runs if (run.kind, run.dataset) == (kind, name)]
        blocks.append(Block(_heading(kind, name, benchmark), head, rows_of(members)))
        training = training_rows(members)
        if training:
            blocks.append(Block(f"{name}, ours, trainings and controls", TRAINING_HEAD, training))
    return blocks


def _heading(kind: str | None, name: str, benchmark: str) -> str:
    if kind == benchmark:
        return f"{benchmark}, ours" if name == benchmark else f"{benchmark}, ours, from {name}"
    other = f"{name}, ours (another dataset: not comparable with the paper's figures"
    if name == benchmark and kind is None:
        other = f"{name}, ours (by its name alone: note its kind in dataset.json to compare it"
    return f"{other})"
