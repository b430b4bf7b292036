"""ResNet-50, RoBERTa and the network against runs recorded from pixels and token ids."""

from __future__ import annotations

import pytest

from tests.golden.end_to_end import PixelCase, pixel_cases
from tests.golden.table import allowed


@pytest.mark.parametrize("case", pixel_cases(), ids=str)
def test_every_recorded_tensor_from_pixels(
    case: PixelCase, worst_errors: dict[str, dict[str, float]]
) -> None:
    errors = case.errors()
    worst_errors[str(case)] = errors
    assert set(errors) == set(case.entry["outputs"])
    assert {name: error for name, error in errors.items() if error > allowed(name)} == {}
