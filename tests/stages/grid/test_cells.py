"""Which trainings and evaluations a table asks for."""

from __future__ import annotations

import pytest

from configs import UsageError, load_config
from stages.grid.cells import METHODS, Cell, cells_of, config_of


@pytest.mark.parametrize("number", [1, 2])
def test_a_table_by_fold_has_every_fold_and_seed_of_every_method(number: int) -> None:
    cells = cells_of(number, (), (1, 2, 3, 4), range(2), 60)
    assert len(cells) == len(set(cells)) == 2 * 4 * 2
    assert {cell.tuned for cell in cells} == {0}


def test_other_methods_are_tuned_on_the_support_in_table_three_alone() -> None:
    cells = cells_of(3, (), (1, 2, 3, 4), [0], 60)
    assert {cell.fold for cell in cells} == {1}
    tuned = {cell.method for cell in cells if cell.tuned == 60}
    assert tuned == {"lbdt", "referformer", "mttr"}
    assert [cell.tuned for cell in cells if cell.method == "ours"] == [0]
    assert not any(cell.tuned for cell in cells_of(3, (), (1,), [0], 0))


def test_methods_and_folds_may_be_named() -> None:
    cells = cells_of(4, ("similarity", "ours"), (3, 2), [0], 60)
    assert cells == [Cell("similarity", 3, 0), Cell("ours", 3, 0)]
    assert str(cells[0]) == "similarity, fold 3, training seed 0"


@pytest.mark.parametrize("number", METHODS)
def test_every_row_is_a_preset_over_the_base(number: int) -> None:
    """And all rows are made of the same features, for as many steps."""
    configs = [config_of("paper", method, ["train.steps=7"])[1] for method in METHODS[number]]
    assert len({(c.encoder, c.features, c.train.steps, c.evaluate) for c in configs}) == 1
    assert configs[-1] == load_config("paper", ["train.steps=7"])
    with pytest.raises(UsageError, match="no preset or file named"):
        config_of("paper", "dante", ())
