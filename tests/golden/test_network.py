"""The official variant against recorded runs of the authors' network, tensor by tensor."""

from __future__ import annotations

import pytest

from tests.golden.cases import Case, cases, inputs_of, manifest, model_of
from tests.golden.table import allowed, difference
from tests.golden.trace import trace

# The same for every frame or query, so computed once: N or 1 in the first place.
SHARED = ("encoder_reference_points",)


def case_errors(case: Case) -> dict[str, float]:
    """Largest difference of every tensor that the case records."""
    inputs = inputs_of(case)
    model = model_of(case.folder, case.entry["config"], inputs.words.tokens.shape[-1])
    made = trace(model, inputs.query, inputs.words, inputs.support)
    errors = {}
    for name, expected in case.recorded.items():
        found = made[name].expand_as(expected) if name in SHARED else made[name]
        errors[name] = difference(found, expected)
    return errors


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_recorded_tensor(case: Case, worst_errors: dict[str, dict[str, float]]) -> None:
    assert set(case.recorded) == set(case.entry["outputs"])
    errors = case_errors(case)
    worst_errors[str(case)] = errors
    assert {name: error for name, error in errors.items() if error > allowed(name)} == {}


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_network_has_the_listed_parameters(case: Case) -> None:
    entry = manifest(case.folder)["configs"][case.entry["config"]]
    model = model_of(case.folder, case.entry["config"])
    assert sum(p.numel() for p in model.parameters()) == entry["num_parameters"]
