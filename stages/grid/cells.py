"""Which trainings and evaluations a table of the paper consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from configs import Config, load_config

OURS = "ours"  # the method that the base configuration is, with nothing laid over it
METHODS = MappingProxyType(
    {
        1: ("danet", OURS),
        2: ("danet", OURS),
        3: ("lbdt", "referformer", "mttr", OURS),
        4: ("affinity-none", "affinity-self", OURS),
    }
)
ALL_FOLDS = (1, 2)  # tables that have a column a fold; the others are of fold 1
TUNED = (3,)  # tables that show other methods tuned on the support clip, too


@dataclass(frozen=True)
class Cell:
    """One evaluation. tuned: steps on the support clip before a question is asked."""

    method: str
    fold: int
    seed: int
    tuned: int = 0

    def __str__(self) -> str:
        tuned = f", tuned {self.tuned} steps on the support" if self.tuned else ""
        return f"{self.method}, fold {self.fold}, training seed {self.seed}{tuned}"


def cells_of(
    number: int,
    methods: Sequence[str],
    folds: Sequence[int],
    seeds: Sequence[int],
    tuned_steps: int,
) -> list[Cell]:
    """The table's cells, a method after the other. Without methods or folds, the table's own.

    tuned_steps: of table 3's second row of each method; our own method is not tuned, as in the
    paper. 0 leaves those rows out.
    """
    wanted = methods or METHODS[number]
    columns = folds if number in ALL_FOLDS else folds[:1]
    return [
        Cell(method, fold, seed, steps)
        for method in wanted
        for steps in ((0, tuned_steps) if tuned_steps and tunes(number, method) else (0,))
        for fold in columns
        for seed in seeds
    ]


def tunes(number: int, method: str) -> bool:
    """Whether a table shows a method tuned on the support, too."""
    return number in TUNED and method not in (OURS, "similarity")


def config_of(base: str, method: str, pairs: Sequence[str]) -> tuple[str, Config]:
    """Name and configuration of a method at the sizes of a base; pairs as --set takes them."""
    name = base if method == OURS else f"{base}+{method}"
    return name, load_config(name, pairs)
