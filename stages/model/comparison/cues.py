"""What a comparison finds in a clip: maps without channels of any encoder.

    nearest     cosines to the most alike object and background cells, strides 8, 16 and 32
    affinity    the paper's cross-affinity with keys that carry over: softmax(t q k') v', where
                q, k' are the frozen directions and v' is the support's mask, strides 16 and 32
    first look  ridge regression on the support's cells, strides 16 and 32; also less the score that
                parts the support's own object from its background
    others      the clip as its own second support, strides 8, 16 and 32, again and again

All of it is closed form, so that nothing of a training kind can be learnt by heart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.comparison.clips import COMPARED, QueryClip, SupportClip
from stages.model.comparison.correlation import CHUNK, joined, nearest, resized
from stages.model.comparison.cutting import Candidates, chosen_cut
from stages.model.comparison.ridge import best_cut, fit, object_cells
from stages.model.comparison.second_support import second_look

GRID = 8  # stride that all cues are brought to
KINDRED = (16, 32)  # strides whose directions tell kinds; at 8 they tell textures
PENALTY = 30.0  # of the first look
SURE = 0.7  # of what parts the support's own object, from which cells teach the second look
SHARPNESS = 15.0  # t of the affinity
BACKGROUND_SHARE = 0.25  # of a cell that the mask covers, below which it counts as background
OBJECT_CELLS, BACKGROUND_CELLS = 800, 1600  # of the support, at most; evenly spread
# What brings each kind of cue to about a unit of spread over a clip.
LIKENESS_SCALE, AFFINITY_SCALE, FIRST_SCALE, OWN_SCALE = 8.0, 14.0, 14.0, 2.7
SUREST_CELLS, AS_ALIKE, PARTED = 0.002, 1.1, 0.7  # when both show the same object
STEEPNESS = 1.5  # logits of a mask, a standard deviation
CONVINCED = 0.05  # mean score of the first look inside the mask from which the object is there
CONVICTION = 20.0  # logits of the presence, a unit of that score
UNCONVINCED = -1.0  # that score of an empty mask
FLAT = 1e-4  # added to a standard deviation
OF_STRIDE = 3  # cues a compared stride gives
OF_AFFINITY = 1  # cues an affinity gives
OF_FIRST, OF_LOOK = 3, 2  # cues the first look and any other gives


@dataclass(frozen=True)
class Cut:
    """The score that parts the support's own object from its background, how well it does (IoU),
    and the mean score of the object's cells."""

    score: float
    overlap: float
    typical: float


@dataclass(frozen=True)
class KindMask:
    """What is found of the support's kind, on a grid: mask logits [T, h, w], about 0 at the
    object's edge; logits that a frame shows the kind, [T], and that the clip does."""

    logits: Tensor
    frames: Tensor
    clip: Tensor


@dataclass(frozen=True)
class Looks:
    """Scores of the closed-form classifiers: of the support's at stride 16, [T, h, w], with what
    parts the support's own object from its background; of the clip's own at stride 8, [T, h', w']
    each. same: where the clip shows the support's very object, how far cells are above the
    support's own cut, [T, h', w']; otherwise None."""

    first: Tensor
    cut: Cut
    own: tuple[Tensor, ...]
    same: Tensor | None = None

    def candidates(self, grid: tuple[int, int]) -> Candidates:
        """Masks of the last look at every cut."""
        last = self.own[-1] if self.own else self.on_grid(grid)
        return Candidates.of(standardised(last))

    def on_grid(self, grid: tuple[int, int]) -> Tensor:
        """Scores of the first look on another grid, [T, h, w]."""
        return resized(self.first[:, None], grid)[:, 0]

    def answer(self, grid: tuple[int, int]) -> KindMask:
        """The mask: of the very object, the cells above the support's own cut; otherwise those of
        the last look above the cut that closed form finds. It shows the object as far as the first
        look is convinced of what is inside."""
        if self.same is not None:
            return self.masked(FIRST_SCALE * self.same)
        return self.parted(self.candidates(grid))

    def parted(self, candidates: Candidates, foretold: Tensor | None = None) -> KindMask:
        """The mask of one of the candidates; of none, where there is no candidate."""
        scores, cuts = candidates.scores, candidates.cuts
        if not len(cuts):
            return self.masked(torch.full_like(scores, -1.0))
        first = self.on_grid((scores.shape[-2], scores.shape[-1]))
        return self.masked(scores - cuts[chosen_cut(candidates, first, foretold)])

    def masked(self, scores: Tensor) -> KindMask:
        """The mask of scores [T, h, w] above 0, and how far the first look is convinced of it."""
        inside, first = (scores > 0).float(), self.on_grid((scores.shape[-2], scores.shape[-1]))
        sums, sizes = (first * inside).sum((-2, -1)), inside.sum((-2, -1))
        frames = torch.where(sizes > 0, sums / sizes.clamp(min=1), UNCONVINCED)
        clip = sums.sum() / sizes.sum() if sizes.any() else first.new_tensor(UNCONVINCED)
        return KindMask(
            STEEPNESS * scores, CONVICTION * (frames - CONVINCED), CONVICTION * (clip - CONVINCED)
        )


def cue_count(looks: int) -> int:
    """How many maps `cues` gives where the clip is its own support `looks` times."""
    return OF_STRIDE * len(COMPARED) + OF_AFFINITY * len(KINDRED) + OF_FIRST + OF_LOOK * looks


def look(query: QueryClip, support: SupportClip, looks: int) -> Looks:
    """A classifier of the support's cells, then `looks` of the clip's own."""
    first, cut = first_look(query, support)
    grid = query.shape(GRID)
    cells = joined([query.cells[stride] for stride in COMPARED], grid)
    before, bar, own = resized(first[:, None], grid)[:, 0], SURE * cut.score, list[Tensor]()
    same = closer_look(query, support, before - cut.score) if same_object(first, cut) else None
    for _ in range(looks):
        own.append(second_look(before, cells, bar))
        before, bar = standardised(before) + standardised(own[-1]), math.inf
    return Looks(first, cut, tuple(own), same)


def first_look(
    query: QueryClip, support: SupportClip, strides: tuple[int, ...] = KINDRED
) -> tuple[Tensor, Cut]:
    """Scores [T, h, w] at the finest of some strides of the classifier that the support's cells
    teach, and the score that parts the support's own object best from its background."""
    fine = strides[0]
    _, height, width = support.share[fine].shape
    shown = joined([support.cells[stride] for stride in strides], (height, width))
    counted = support.counted[fine]
    taught, share = shown[counted], support.share[fine][counted]
    weights = fit(taught, share, PENALTY)
    scores = joined([query.cells[stride] for stride in strides], query.shape(fine)) @ weights
    known = taught @ weights
    return scores, Cut(*best_cut(known, share), float(known[object_cells(share)].mean()))


def same_object(first: Tensor, cut: Cut) -> bool:
    """Whether clip and support show the same object, as frames of one video do: its cut parts the
    support well, and the clip's surest cells score clearly more than the support's object does."""
    surest = first.flatten().topk(max(1, int(SUREST_CELLS * first.numel()))).values
    alike = float(surest.mean()) > AS_ALIKE * cut.typical
    return alike and cut.score > 0 and cut.overlap >= PARTED


def closer_look(query: QueryClip, support: SupportClip, above: Tensor) -> Tensor:
    """How far cells are above the support's cut, [T, h, w], by a first look at `above` and by one
    that sees stride 8 too, which tells kinds badly and one and the same object well."""
    scores, cut = first_look(query, support, COMPARED)
    return above + scores - cut.score


@torch.no_grad()
def cues(query: QueryClip, support: SupportClip, found: Looks) -> Tensor:
    """All cue maps of a clip on its stride-8 grid, [T, `cue_count`, h, w].

    The last one says how much a cell stands out in the last look.
    """
    maps = [cue for stride in COMPARED for cue in correlation(query, support, stride)]
    maps += [AFFINITY_SCALE * affinity(query, support, stride) for stride in KINDRED]
    maps += [FIRST_SCALE * found.first, FIRST_SCALE * (found.first - found.cut.score)]
    maps += [standardised(found.first)]
    for scores in found.own:
        maps += [OWN_SCALE * scores, standardised(scores)]
    grid = query.shape(GRID)
    return torch.cat([resized(cue[:, None], grid) for cue in maps], dim=1)


def correlation(query: QueryClip, support: SupportClip, stride: int) -> list[Tensor]:
    """`nearest` of a stride [T, h, w]: to the object, to the background, which stands out."""
    cells, shape = query.cells[stride], query.cells[stride].shape[:3]
    counted, share = support.counted[stride], support.share[stride]
    shown, covered = support.cells[stride][counted], share[counted]
    likeness = [
        nearest(cells.flatten(0, 2), spread(shown[chosen], most)).view(shape)
        for chosen, most in (
            (object_cells(covered), OBJECT_CELLS),
            (covered < BACKGROUND_SHARE, BACKGROUND_CELLS),
        )
    ]
    ahead = standardised(likeness[0] - likeness[1])
    return [*(LIKENESS_SCALE * cosine for cosine in likeness), ahead]


def affinity(query: QueryClip, support: SupportClip, stride: int) -> Tensor:
    """What each cell reads in the support's mask by cross-affinity, [T, h, w] in [0, 1]."""
    cells, counted = query.cells[stride], support.counted[stride]
    keys = F.normalize(support.cells[stride][counted], dim=-1).T
    values = support.share[stride][counted]
    rows = F.normalize(cells.flatten(0, 2), dim=-1).split(CHUNK)
    read = [torch.softmax(SHARPNESS * (row @ keys), dim=-1) @ values for row in rows]
    return torch.cat(read).view(cells.shape[:3])


def spread(cells: Tensor, most: int) -> Tensor:
    """At most `most` of cells [N, C], evenly spread over them."""
    if len(cells) <= most:
        return cells
    return cells[torch.linspace(0, len(cells) - 1, most, device=cells.device).long()]


def standardised(scores: Tensor) -> Tensor:
    """Scores of a clip around 0 and as wide as 1: which cells stand out in it."""
    return (scores - scores.mean()) / (scores.std() + FLAT)
