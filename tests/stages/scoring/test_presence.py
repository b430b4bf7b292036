"""Figures of present or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.predictions import EpisodeInfo, EpisodeKey
from stages.scoring.episodes import EpisodeScore
from stages.scoring.presence import area_under_curve, presence_figures

VALUES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=20)


def episodes(condition: str, scores: dict[int, float]) -> list[EpisodeScore]:
    none = np.zeros(1)
    return [
        EpisodeScore(
            EpisodeKey(condition, 0, number),
            EpisodeInfo("v", "0", 1, "cat", "a cat", ("0",), 4, 4, score),
            ("0",),
            none,
            none,
        )
        for number, score in scores.items()
    ]


@given(VALUES, VALUES)
def test_the_area_is_the_share_of_pairs_in_order(present: list[float], absent: list[float]) -> None:
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in present for b in absent]
    said = area_under_curve(np.array(present), np.array(absent))
    assert said == pytest.approx(sum(pairs) / len(pairs))


def test_only_episodes_of_both_conditions_count() -> None:
    scores = {
        "model": episodes("model", {0: 0.9, 1: 0.6, 2: 0.4, 9: 0.0}),
        "wrong_support": episodes("wrong_support", {0: 0.5, 1: 0.1, 2: 0.7}),
    }
    found = presence_figures(scores, 0.5)
    assert found is not None
    assert found.auc == pytest.approx(100 * 6 / 9)
    assert found.present == pytest.approx(100 * 2 / 3)
    assert found.absent == pytest.approx(100 / 3)
    assert found.clips == (3, 3) and found.to_json()["clips"] == [3, 3]
    assert "AUC 66.7; at a presence of 0.50, 67 % of 3 present and 33 % of 3 absent" in found.line()
    assert presence_figures({"model": scores["model"]}, 0.5) is None
