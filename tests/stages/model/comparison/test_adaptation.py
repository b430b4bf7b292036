"""What the judge of masks learns from the support: kept where frames left out say so."""

from __future__ import annotations

import pytest
import torch

from stages.model.comparison import adaptation
from stages.model.comparison.adaptation import Question, adapt, overlap_chosen
from stages.model.comparison.cues import standardised
from stages.model.comparison.cutting import Candidates, MaskQuality, overlaps, traits


def question(share: float, seed: int, wanted: float) -> Question:
    """Scores that fall from left to right; the object is the leftmost `wanted` of the frame."""
    torch.manual_seed(seed)
    columns = torch.linspace(1, 0, 40).expand(1, 20, 40)
    scores = standardised((columns > 1 - share).float() + columns + 0.05 * torch.randn(1, 20, 40))
    candidates = Candidates.of(scores)
    object_ = (columns > 1 - wanted).expand(1, 20, 40)
    known = traits(candidates, scores[:, None], (1.0, 0.5))
    return Question(candidates, scores, known, overlaps(candidates.inside, object_))


@pytest.fixture
def quality() -> MaskQuality:
    torch.manual_seed(0)
    return MaskQuality(cues=1, width=16, dropout=0.0).eval()


def test_what_helps_frames_left_out_is_kept(
    quality: MaskQuality, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step in the scores is not where the object of this kind ends, over and over.

    A network that knows nothing yet takes more steps than one that was trained.
    """
    monkeypatch.setattr(adaptation, "STEPS", 300)
    questions = [question(0.4 + 0.01 * k, k, 0.25) for k in range(5)]
    adapted = adapt(quality, questions)
    assert adapted.kept and adapted.after > adapted.before
    new = question(0.42, 99, 0.25)
    assert overlap_chosen(adapted.quality, new) > overlap_chosen(quality, new)


def test_the_network_that_was_given_stays_as_it_is(quality: MaskQuality) -> None:
    before = [parameter.clone() for parameter in quality.parameters()]
    adapt(quality, [question(0.4, k, 0.25) for k in range(3)])
    for old, new in zip(before, quality.parameters(), strict=True):
        assert torch.equal(old, new)


def test_one_frame_says_nothing(quality: MaskQuality) -> None:
    adapted = adapt(quality, [question(0.4, 0, 0.25)])
    assert adapted.after == adapted.before and not adapted.kept
