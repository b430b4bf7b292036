"""Where to cut: which of a clip's cells are the object, once a look has scored them all.

The scores of a look part object and background well; where the one ends and the other begins
differs from clip to clip, with how large the object is and how much of the rest is like it. So
several cuts are tried, and each mask is judged as a whole: in closed form by how much of the first
look's variance lies between inside and outside (Otsu, 1979), and by a small network that foretells
the mask's overlap with the object (as Mask Scoring R-CNN, Huang et al., 2019, does of a detector's
masks) from statistics of the cues, which have no channels of any encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Standard deviations above a clip's mean that are tried.
CUTS = (-0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3, 4.0)
USUAL, USUAL_SPREAD, USUAL_WORTH = 1.0, 0.7, 0.1  # the cut that is best without looking, and how
# much of the variance it may cost to take it
FORETOLD_WORTH = 1.7  # of an overlap that is foretold, in shares of the variance
LEAST_SHARE, LARGEST_SHARE = 0.0002, 0.9  # of a clip's cells, of a mask that is judged
RING = 2  # cells around a mask that it is held against
STEP = 0.25  # standard deviations by which a cut is moved to see how firm it is
OF_CUE, OF_MASK, OF_CLIP = 3, 4, 5  # traits a cue, a mask and a clip give
TINY = 1e-6


@dataclass(frozen=True)
class Candidates:
    """Masks of one clip, one a cut, on a grid.

    cuts: [K]; scores: [T, h, w] of mean 0 and deviation 1; inside: [K, T, h, w] bool, the cells
    above each cut. Every mask has cells, and leaves some.
    """

    cuts: Tensor
    scores: Tensor
    inside: Tensor

    @classmethod
    def of(cls, scores: Tensor) -> Candidates:
        """Those of `CUTS` that part standardised scores [T, h, w]; perhaps none."""
        cuts = torch.tensor(CUTS, device=scores.device)
        inside = scores[None] > cuts[:, None, None, None]
        sizes = inside.flatten(1).sum(-1)
        least, most = (share * scores.numel() for share in (LEAST_SHARE, LARGEST_SHARE))
        judged = (sizes >= max(1.0, least)) & (sizes <= most)
        return cls(cuts[judged], scores, inside[judged])

    def around(self) -> Tensor:
        """The cells within `RING` of each mask, in its own frame, [K, T, h, w] bool."""
        wide = F.max_pool2d(self.inside.float(), 2 * RING + 1, 1, RING) > 0
        return wide & ~self.inside


def chosen_cut(candidates: Candidates, first: Tensor, foretold: Tensor | None = None) -> int:
    """Which of the cuts to take; there must be one.

    Args:
        first: [T, h, w], scores of the first look on the candidates' grid.
        foretold: [K] in [0, 1], the overlap that `MaskQuality` foretells; or None.
    """
    parted = between(first[None], candidates.inside)[:, 0]
    habit = torch.exp(-0.5 * ((candidates.cuts - USUAL) / USUAL_SPREAD) ** 2)
    worth = parted + USUAL_WORTH * habit
    return int((worth if foretold is None else worth + FORETOLD_WORTH * foretold).argmax())


def between(scores: Tensor, inside: Tensor) -> Tensor:
    """Share of the variance of M scores [M, T, h, w] that lies between inside and outside of K
    masks [K, T, h, w]: [K, M] in [0, 1]."""
    flat, chosen = scores.flatten(1), inside.flatten(1).to(scores)
    share = chosen.mean(-1, keepdim=True)
    centred = flat - flat.mean(-1, keepdim=True)
    sums = chosen @ centred.T / flat.shape[1]  # [K, M], of the centred scores inside
    spread = (centred**2).mean(-1)
    return sums**2 / (share * (1 - share) * spread + TINY)


def mean_inside(scores: Tensor, inside: Tensor) -> Tensor:
    """Mean of M scores [M, T, h, w] in K masks [K, T, h, w]: [K, M]; 0 in an empty one."""
    chosen = inside.flatten(1).to(scores)
    return chosen @ scores.flatten(1).T / chosen.sum(-1, keepdim=True).clamp(min=1)


def overlaps(inside: Tensor, true: Tensor) -> Tensor:
    """IoU [K] of K masks [K, T, h, w] bool with one [T, h, w]; 0 with an empty one."""
    both, either = (inside & true).flatten(1).sum(-1), (inside | true).flatten(1).sum(-1)
    return both / either.clamp(min=1)


def traits(candidates: Candidates, cues: Tensor, parted: tuple[float, float]) -> Tensor:
    """What the masks of a clip are judged by, [K, `trait_count`].

    Neither a mask's size nor the support object's is among them: those of photographs are not
    those of videos.

    Args:
        cues: [T, M, h, w], on the candidates' grid.
        parted: the support's own cut, and how well it parts the support's object.
    """
    maps, inside, scores = cues.transpose(0, 1), candidates.inside, candidates.scores
    within, beside = mean_inside(maps, inside), mean_inside(maps, candidates.around())
    share = inside.flatten(1).float().mean(-1)
    looser, stricter = (
        (scores[None] > (candidates.cuts + step)[:, None, None, None]).flatten(1).float().mean(-1)
        for step in (-STEP, STEP)
    )
    edge = torch.cat((inside[:, :, 0], inside[:, :, -1], inside[..., 0], inside[..., -1]), dim=-1)
    of_mask = (
        candidates.cuts,
        (looser / share).log(),
        (stricter + TINY).div(share).log().clamp(min=-3),
        edge.flatten(1).float().mean(-1),
    )
    of_clip = (
        scores.new_tensor(parted[0]),
        scores.new_tensor(parted[1]),
        scores.amax(),
        (scores**3).mean(),
        (scores**4).mean().sqrt(),
    )
    known = [within, within - beside, between(maps, inside), torch.stack(of_mask, dim=-1)]
    return torch.cat((*known, torch.stack(of_clip).expand(len(share), -1)), dim=-1)


def trait_count(cues: int) -> int:
    """How many traits masks have that are judged by so many cues."""
    return OF_CUE * cues + OF_MASK + OF_CLIP


class MaskQuality(nn.Module):
    """Foretells how well each candidate mask overlaps the object: traits [K, F] to logits [K].

    Traits are brought to one scale by what training saw of them.
    """

    def __init__(self, *, cues: int, width: int, dropout: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(trait_count(cues), affine=False, momentum=0.02)
        self.judge = nn.Sequential(
            nn.Linear(trait_count(cues), width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, 1),
        )

    def forward(self, known: Tensor) -> Tensor:
        """Logits [K]."""
        if self.training and len(known) > 1:
            self.scale(known.detach())  # for its running statistics alone
        mean, variance = self.scale.running_mean, self.scale.running_var
        assert mean is not None and variance is not None
        told: Tensor = self.judge(
            ((known - mean) / (variance + self.scale.eps).sqrt()).clamp(-4, 4)
        )
        return told[:, 0]
