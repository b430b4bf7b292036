"""The factor that a sentence takes away by, in closed form."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.model.comparison.choice import cell_places, evidence, preference, restrict
from stages.model.comparison.instances import instances


@given(st.floats(-8, 8), st.floats(-6, 0))
def test_restricting_multiplies_the_probability(logit: float, factor: float) -> None:
    logits, log_factor = torch.tensor([logit]).double(), torch.tensor([factor]).double()
    expected = logits.sigmoid() * log_factor.exp()
    assert torch.allclose(restrict(logits, log_factor).sigmoid(), expected, atol=1e-5)


def test_an_object_loses_by_how_far_it_is_behind_the_best() -> None:
    found = torch.zeros(2, 4, 8, dtype=torch.bool)
    found[0, :, :2] = found[0, :, 5:] = True
    objects = instances(found)
    assert objects.count == 2
    taken = preference(torch.tensor([-2.0, 1.5]), objects)
    best = objects.labels[0] == 1
    assert (taken[0][best] == 0).all() and (taken[0][~best] == -3.5).all()
    assert (taken[1] == 0).all()  # a frame in which nothing was found
    assert (preference(torch.tensor([4.0, 4.0]), objects) == 0).all()


def test_evidence_is_less_the_surests() -> None:
    found = torch.zeros(1, 4, 8, dtype=torch.bool)
    found[0, :, :3] = found[0, :, 6:] = True
    kind = torch.zeros(1, 4, 8)
    kind[..., :3], kind[..., 6:] = 1.0, 3.0
    kind[0, 0, 0] = 2.2
    first, second = evidence(kind, instances(found))
    assert torch.allclose(first, torch.tensor([1.1 - 3.0, 2.2 - 3.0]))
    assert torch.equal(second, torch.zeros(2))


def test_places_are_told_from_what_is_found() -> None:
    kind = torch.zeros(1, 5, 5)
    kind[0, 2, 1] = kind[0, 2, 3] = 1
    places = cell_places(kind)
    assert places[0, 2, 1, :2].tolist() == [-0.5, 0.0]
    left, right = places[0, 2, 1, 2:], places[0, 2, 3, 2:]
    assert torch.allclose(left[0], torch.tensor(-0.5 / 0.6)) and left[0] == -right[0]
    assert left[1] == 0
