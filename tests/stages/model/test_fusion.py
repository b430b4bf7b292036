"""Projection, stretch and fusion."""

from __future__ import annotations

import math

import pytest
import torch

from stages.model.fusion import power_log
from tests.stages.model.small import frames, small_model, words


def g(value: float) -> float:
    return math.log(1 + 1 / (value + 1e-5)) ** -1.3


@pytest.mark.parametrize("value", [2.0, 0.3, 1e-3, 0.0, -0.4, -1.5])
def test_stretch_in_closed_form(value: float) -> None:
    found = float(power_log(torch.tensor([value], dtype=torch.float64)))
    assert found == pytest.approx(g(max(value, 0)) - g(max(-value, 0)), abs=1e-12)


def test_stretch_is_odd_and_rising() -> None:
    values = torch.linspace(-3, 3, 201, dtype=torch.float64)
    stretched = power_log(values)
    torch.testing.assert_close(stretched, -power_log(-values))
    assert (stretched.diff() > 0).all()


def test_frames_do_not_meet_in_the_fusion() -> None:
    model = small_model("official")
    clip = frames(1, 3)
    said = model.words(words(1, 4))
    together = model.fusion(clip, said)
    alone = model.fusion(clip.middle(), said)
    for whole, part in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[:, 1:2], part, rtol=1e-4, atol=1e-5)


def test_exact_projection_is_the_same_projection() -> None:
    model = small_model("official")
    projection = model.fusion.projections[0]
    clip = frames(1, 1)
    exact = projection(clip, exact=True)
    assert exact.dtype == torch.float64
    torch.testing.assert_close(exact.float(), projection(clip), rtol=1e-4, atol=1e-5)
