"""Where scores become a mask: against plain computations, and on clips whose object is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from stages.model.comparison.cues import standardised
from stages.model.comparison.cutting import (
    CUTS,
    Candidates,
    MaskQuality,
    between,
    chosen_cut,
    mean_inside,
    trait_count,
    traits,
)


def clip_of(share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised scores [2, 20, 30] of an object over `share` of the frame, and its cells."""
    torch.manual_seed(seed)
    object_ = torch.zeros(2, 20, 30, dtype=torch.bool)
    object_[:, :, : round(30 * share)] = True
    scores = 0.15 * torch.randn(2, 20, 30) + object_
    return standardised(scores), object_


def test_only_masks_with_cells_that_leave_some_are_judged() -> None:
    candidates = Candidates.of(clip_of(0.3)[0])
    sizes = candidates.inside.flatten(1).sum(-1)
    assert len(sizes) and (sizes >= 1).all() and (sizes <= 0.9 * 1200).all()
    assert set(candidates.cuts.tolist()) <= set(torch.tensor(CUTS).tolist())
    assert not len(Candidates.of(torch.zeros(2, 20, 30) - 1).cuts)


def test_the_ring_is_within_two_cells_in_the_same_frame() -> None:
    candidates = Candidates.of(clip_of(0.2)[0])
    for inside, ring in zip(candidates.inside.numpy(), candidates.around().numpy(), strict=True):
        wide = np.stack([ndimage.binary_dilation(f, np.ones((5, 5))) for f in inside])
        assert np.array_equal(ring, wide & ~inside)


def test_between_is_the_share_of_the_variance() -> None:
    scores, inside = torch.randn(3, 2, 5, 6), torch.rand(4, 2, 5, 6) > 0.6
    for k in range(4):
        for m in range(3):
            x, chosen = scores[m].numpy().ravel(), inside[k].numpy().ravel()
            means = np.where(chosen, x[chosen].mean(), x[~chosen].mean())
            expected = means.var() / x.var()
            assert float(between(scores, inside)[k, m]) == pytest.approx(expected, rel=1e-3)
            assert float(mean_inside(scores, inside)[k, m]) == pytest.approx(
                x[chosen].mean(), abs=1e-5
            )


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_closed_form_cut_finds_objects_of_any_size(share: float) -> None:
    scores, object_ = clip_of(share)
    candidates = Candidates.of(scores)
    found = candidates.inside[chosen_cut(candidates, scores)]
    assert float((found & object_).sum() / (found | object_).sum()) > 0.95


def test_what_is_foretold_outweighs_closed_form() -> None:
    candidates = Candidates.of(clip_of(0.3)[0])
    foretold = torch.zeros(len(candidates.cuts))
    foretold[2] = 1
    assert chosen_cut(candidates, candidates.scores, foretold) == 2


def test_every_trait_of_every_mask_is_finite() -> None:
    scores, _ = clip_of(0.3)
    candidates = Candidates.of(scores)
    known = traits(candidates, torch.randn(2, 4, 20, 30), (1.0, 0.5))
    assert known.shape == (len(candidates.cuts), trait_count(4))
    assert torch.isfinite(known).all()


def test_quality_learns_which_mask_overlaps() -> None:
    """Clips whose objects differ in size; the overlap is told by the traits alone."""
    torch.manual_seed(0)
    quality = MaskQuality(cues=1, width=16, dropout=0.0)
    optimizer = torch.optim.AdamW(quality.parameters(), 1e-2)

    def judged(share: float, seed: int) -> tuple[torch.Tensor, torch.Tensor, Candidates]:
        scores, object_ = clip_of(share, seed)
        candidates = Candidates.of(scores)
        known = traits(candidates, scores[:, None], (1.0, 0.5))
        both = (candidates.inside & object_).flatten(1).sum(-1)
        return known, both / (candidates.inside | object_).flatten(1).sum(-1), candidates

    for step in range(150):
        known, overlap, _ = judged(0.1 + 0.5 * (step % 7) / 7, step)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(quality(known), overlap)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    quality.eval()
    for share in (0.15, 0.35, 0.55):
        known, overlap, _ = judged(share, 999)
        chosen = int(quality(known).detach().argmax())
        assert float(overlap[chosen]) > float(overlap.max()) - 0.05
