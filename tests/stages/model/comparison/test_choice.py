"""The factor that a sentence takes away by, in closed form."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.model.comparison.choice import cell_places, preference, restrict


@given(st.floats(-8, 8), st.floats(-6, 0))
def test_restricting_multiplies_the_probability(logit: float, factor: float) -> None:
    logits, log_factor = torch.tensor([logit]).double(), torch.tensor([factor]).double()
    expected = logits.sigmoid() * log_factor.exp()
    assert torch.allclose(restrict(logits, log_factor).sigmoid(), expected, atol=1e-5)


def test_nothing_is_taken_away_where_nothing_is_preferred() -> None:
    found = torch.zeros(2, 4, 4, dtype=torch.bool)
    found[:, :2] = True
    assert preference(torch.full((2, 4, 4), 3.0), found).abs().max() < 1e-6


def test_the_better_of_two_equal_objects_is_kept_and_the_other_not() -> None:
    scores = torch.zeros(1, 2, 8)
    scores[..., :4], scores[..., 4:] = 3.0, -3.0
    taken = preference(scores, torch.ones(1, 2, 8, dtype=torch.bool))
    assert (taken[..., :4] == 0).all()
    expected = -3.0 - torch.log((torch.tensor(3.0).exp() + torch.tensor(-3.0).exp()) / 2)
    assert torch.allclose(taken[..., 4:], expected.expand(1, 2, 4))


def test_places_are_told_from_what_is_found() -> None:
    kind = torch.zeros(1, 5, 5)
    kind[0, 2, 1] = kind[0, 2, 3] = 1
    places = cell_places(kind)
    assert places[0, 2, 1, :2].tolist() == [-0.5, 0.0]
    left, right = places[0, 2, 1, 2:], places[0, 2, 3, 2:]
    assert torch.allclose(left[0], torch.tensor(-0.5 / 0.6)) and left[0] == -right[0]
    assert left[1] == 0
