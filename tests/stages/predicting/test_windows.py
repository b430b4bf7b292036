"""Windows that share frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.predicting.windows import batches, windows


@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 8))
def test_every_item_is_new_once_and_windows_share_what_they_are_to(
    total: int, length: int, overlap: int
) -> None:
    if overlap >= length:
        with pytest.raises(ValueError, match="cannot share"):
            list(windows(range(total), length, overlap))
        return
    made = list(windows(range(total), length, overlap))
    assert [item for window in made[:1] for item in window] == list(range(min(total, length)))
    for before, after in zip(made, made[1:], strict=False):
        shared = len(before) and overlap
        assert after[:shared] == before[len(before) - shared :]
        assert overlap < len(after) <= length
    new = [item for number, window in enumerate(made) for item in window[overlap * (number > 0) :]]
    assert new == list(range(total))


def test_batches_hold_all() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
