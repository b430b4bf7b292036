"""What a network that compares keeps of a video: cells of its objects and of what is none.

They are further support, and the best there is: of the video itself (a memory of features, as
XMem's, Cheng and Schwing, 2022, read by ridge regression as the support is). What they say is
absolute: where nothing scores as the remembered object did, it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.model.comparison.cues import spread, standardised
from stages.model.comparison.ridge import fit

NOBODY = 0  # owner of a cell that is of no object; objects are numbered from 1
OBJECT_CELLS, OTHER_CELLS = 300, 900  # kept of a window, of an object's and of the others
SUREST = 0.25  # share of an object's cells that are kept, the surest
UNLIKELIEST = 0.75  # share of a window's cells that may be kept as no object's
FIRST, LATEST = 2, 6  # windows kept: an appearance that was sure, and the present one
CONFIDENT = 0.02  # share of a window's cells taken for its own object, as far as they are like
SHOWN = 0.002  # share of its cells that say whether a window shows an object at all
PENALTY = 10.0
STEADINESS = 0.7  # of the cut, from window to window
STEEPNESS = 1.5  # logits, a standard deviation of a window's scores


@dataclass(frozen=True)
class Exemplars:
    """Cells [K, C] of one window and whose they are: owner [K] int64, `NOBODY` or a number."""

    cells: Tensor
    owner: Tensor

    @classmethod
    def of(cls, cells: Tensor, logits: Tensor, owner: Tensor) -> Exemplars:
        """The surest of each object and evenly spread ones of what is none.

        Args:
            cells: [T, h, w, C] directions of the window.
            logits: [T, h, w], that a cell is an object's.
            owner: [T, h, w], whose it is.
        """
        flat, known, owners = cells.flatten(0, 2), logits.flatten(), owner.flatten()
        low = known.sort().values[int(UNLIKELIEST * (len(known) - 1))]
        rows = [spread(((owners == NOBODY) & (known <= low)).nonzero()[:, 0], OTHER_CELLS)]
        for number in present(owner):
            own = (owners == number).nonzero()[:, 0]
            own = own[known[own].argsort(descending=True)][: max(1, int(SUREST * len(own)))]
            rows.append(spread(own, OBJECT_CELLS))
        taken = torch.cat(rows)
        return cls(flat[taken].clone(), owners[taken].clone())


@dataclass(frozen=True)
class Memory:
    """The exemplars of some windows, and the score from which a cell is an object's."""

    windows: tuple[Exemplars, ...]
    cut: float

    def keep(self, new: Exemplars) -> tuple[Exemplars, ...]:
        """The first `FIRST` windows and the latest `LATEST`, however long the video."""
        every = (*self.windows, new)
        return every if len(every) <= FIRST + LATEST else (*every[:FIRST], *every[-LATEST:])


@dataclass(frozen=True)
class Recalled:
    """logits: [T, h, w], that a cell is of a remembered object. cut: what they were cut at, in
    scores. shown: whether the window shows any of them."""

    logits: Tensor
    cut: float
    shown: bool


def recall(memory: Memory, cells: Tensor, coarse: Tensor) -> Recalled:
    """Where the remembered objects are in a window.

    A classifier of the memory's cells and of the window's own surest, if those are like the
    memory's; the cut moves slowly, towards what gives the window's own mask its area.

    Args:
        cells: [T, h, w, C] directions of the window.
        coarse: [T, h, w], mask logits that the window gives on its own.
    """
    flat, known = cells.flatten(0, 2), torch.cat([w.cells for w in memory.windows])
    share = (torch.cat([w.owner for w in memory.windows]) != NOBODY).to(known)
    like = flat @ fit(known, share, PENALTY)
    order = standardised(like) + standardised(coarse.flatten())
    shown = float(like[order >= share_above(order, SHOWN)].mean()) > memory.cut
    scores, cut = like, memory.cut
    if shown:
        top = (order >= share_above(order, CONFIDENT)) & (like > memory.cut)
        bottom = order <= share_above(order, 1 - UNLIKELIEST)
        own = torch.cat(
            [spread(top.nonzero()[:, 0], OBJECT_CELLS), spread(bottom.nonzero()[:, 0], OTHER_CELLS)]
        )
        taught = torch.cat((share, top[own].to(share)))
        scores = flat @ fit(torch.cat((known, flat[own])), taught, PENALTY)
        cut = STEADINESS * memory.cut + (1 - STEADINESS) * cut_to(coarse, scores, memory.cut)
    logits = STEEPNESS * (scores - cut) / scores.std().clamp(min=1e-3)
    return Recalled(logits.view(coarse.shape), cut, shown)


def share_above(values: Tensor, share: float) -> Tensor:
    """The value that a share of them reaches."""
    return values.sort(descending=True).values[int(share * (len(values) - 1))]


def first_cut(cells: Tensor, coarse: Tensor, exemplars: Exemplars) -> float:
    """The score that gives a first window's own mask its area."""
    share = (exemplars.owner != NOBODY).to(cells)
    return cut_to(coarse, cells.flatten(0, 2) @ fit(exemplars.cells, share, PENALTY), 0.0)


def cut_to(coarse: Tensor, scores: Tensor, otherwise: float) -> float:
    """The score above which as many cells are as the mask logits `coarse` mark, if any."""
    marked = int((coarse > 0).sum())
    if not 0 < marked < len(scores):
        return otherwise
    return float(scores.sort(descending=True).values[marked])


def likeness(windows: Sequence[Exemplars], numbers: Sequence[int], cells: Tensor) -> Tensor:
    """How much cells [T, h, w, C] look like each of the remembered objects and not the others.

    Returns:
        [T, h, w, N]: about 1 for the object's own, -1 for those of others; 1 for one alone.
    """
    if len(numbers) < 2:
        return cells.new_ones(*cells.shape[:3], len(numbers))
    known = torch.cat([window.cells for window in windows])
    owner = torch.cat([window.owner for window in windows])
    known, owner = known[owner != NOBODY], owner[owner != NOBODY]
    return torch.stack([_likeness(known, owner == number, cells) for number in numbers], dim=-1)


def _likeness(known: Tensor, own: Tensor, cells: Tensor) -> Tensor:
    """[T, h, w], so scaled that the object's own remembered cells have a mean of 1, others -1."""
    weights = fit(known, own.to(known), PENALTY)
    scores = known @ weights
    mean, others = scores[own].mean(), scores[~own].mean()
    middle, half = (mean + others) / 2, ((mean - others) / 2).clamp(min=1e-6)
    return (cells @ weights - middle) / half


def present(owner: Tensor) -> list[int]:
    """The numbers of the objects that a map of owners shows, ascending."""
    return [int(number) for number in owner.unique() if int(number) != NOBODY]
