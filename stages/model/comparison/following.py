"""A video in windows: what is found in one is looked for in the next, and keeps its number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.comparison.choice import restrict
from stages.model.comparison.clips import ABSENT, COMPARED, QueryClip
from stages.model.comparison.correlation import joined, resized
from stages.model.comparison.cues import GRID
from stages.model.comparison.instances import Instances, nearest_labels
from stages.model.comparison.memory import (
    NOBODY,
    Exemplars,
    Memory,
    Recalled,
    first_cut,
    likeness,
    present,
    recall,
)
from stages.model.comparison.tracks import carry
from stages.model.comparison.upsampling import FINE, upsample
from stages.model.prediction import Followed, FollowedObject

SWITCH = 4.0  # logits by which something else is surer to be of the kind, for it to be followed
CERTAIN = 1e-4  # chance at least that an object is not the described one
APART = 0.1  # overlap of two masks at most, for one to be something else

Choose = Callable[[Tensor, Instances], Tensor | None]


def no_choice(coarse: Tensor, objects: Instances) -> Tensor | None:
    """No sentence has a say."""
    return None


@dataclass(frozen=True)
class Window:
    """What a network finds in a window on its own.

    coarse: mask logits [T, h, w] at stride 8. presence: [T], logits that a frame shows the kind;
    sure: that the window does, and there: whether that is enough. same: the support is of this very
    object, so the mask is as good as it gets.
    """

    clip: QueryClip
    coarse: Tensor
    presence: Tensor
    sure: float
    there: bool
    same: bool = False


@dataclass(frozen=True)
class Trail:
    """What is kept of the windows before.

    memory: None until anything was found. owners: [k, h, w] of the frames that the next window
    sees again. scores: the sentence's, summed over frames, and those frames, by number. sure: the
    surest of the windows.
    """

    memory: Memory | None = None
    owners: Tensor | None = None
    scores: Mapping[int, tuple[float, int]] = field(default_factory=dict)
    sure: float = float("-inf")


@dataclass(frozen=True)
class _Seen:
    """The objects of a window: mask logits and owners [T, h, w] at stride 8, the trail so far."""

    coarse: Tensor
    owners: Tensor
    memory: Memory | None


def follow_window(
    window: Window,
    memory: object | None,
    overlap: int,
    choose: Choose = no_choice,
    margin: float = 0.0,
) -> Followed:
    """The next window of a video.

    Args:
        memory: what the window before gave, None for the first.
        overlap: frames that the window after it sees again.
        choose: the sentence's scores [N] of the objects of a mask, None where it has no say.
        margin: by which an object may be behind the best, and is described all the same.
    """
    trail = memory if isinstance(memory, Trail) else Trail()
    if _is_something_else(window, trail):
        trail = Trail()
    cells = joined([window.clip.cells[stride] for stride in COMPARED], window.clip.shape(GRID))
    seen = _see(window, trail, cells)
    scores = _scores(seen, trail, choose)
    numbers = sorted(scores)
    mean = {number: total / frames for number, (total, frames) in scores.items()}
    best = max(mean.values(), default=0.0)
    behind = {number: min(0.0, mean[number] + margin - best) for number in numbers}
    masks = upsample(seen.coarse, window.clip.maps[FINE])
    if not numbers:
        masks = torch.full_like(masks, ABSENT)
    labels = nearest_labels(seen.owners, NOBODY)
    factor = torch.zeros_like(seen.coarse)
    for number in numbers:
        factor[labels == number] = behind[number]
    shape = (masks.shape[-2], masks.shape[-1])
    described = restrict(masks, resized(factor[:, None], shape)[:, 0])
    chosen = [number for number in numbers if behind[number] == 0]
    return Followed(
        masks=described if chosen else masks,
        presence=_presence(window, seen, chosen),
        objects=tuple(
            FollowedObject(
                number,
                torch.where(_enlarged(labels == number, shape), masks, ABSENT),
                _presence(window, seen, [number]),
                _logit_of(behind[number]),
            )
            for number in numbers
        ),
        memory=Trail(
            seen.memory,
            seen.owners[-overlap:] if overlap else None,
            scores,
            max(trail.sure, window.sure),
        ),
    )


def _is_something_else(window: Window, trail: Trail) -> bool:
    """Whether the window shows, elsewhere, what is far surer to be of the kind than what is
    followed: that was a mistake."""
    if trail.owners is None or not window.there or window.sure < trail.sure + SWITCH:
        return False
    followed, found = trail.owners != NOBODY, window.coarse[: len(trail.owners)] > 0
    either = (followed | found).sum()
    return bool((followed & found).sum() <= APART * either)


def _see(window: Window, trail: Trail, cells: Tensor) -> _Seen:
    """The objects of a window, by the memory where there is one."""
    coarse, memory = window.coarse, trail.memory
    if memory is None:
        if not window.there or not bool((coarse > 0).any()):
            return _Seen(coarse, torch.full_like(coarse, NOBODY).long(), None)
        owners = _carried(coarse, coarse.new_zeros(*coarse.shape, 0), (), None)
        new = Exemplars.of(cells, coarse, owners)
        return _Seen(coarse, owners, Memory((new,), first_cut(cells, coarse, new)))
    if window.same:
        recalled = Recalled(coarse, memory.cut, bool((coarse > 0).any()))
    else:
        recalled = recall(memory, cells, coarse)
    numbers = sorted(trail.scores)
    before = None if trail.owners is None else trail.owners[0]
    if not recalled.shown:
        return _Seen(
            torch.full_like(coarse, ABSENT), torch.full_like(coarse, NOBODY).long(), memory
        )
    like = likeness(memory.windows, numbers, cells)
    owners = _carried(recalled.logits, like, numbers, before)
    empty = (owners == NOBODY).flatten(1).all(1)
    logits = torch.where(empty[:, None, None], ABSENT, recalled.logits)
    if bool(empty.all()):
        return _Seen(logits, owners, memory)
    kept = memory.keep(Exemplars.of(cells, logits, owners))
    return _Seen(logits, owners, Memory(kept, recalled.cut))


def _carried(logits: Tensor, like: Tensor, numbers: Sequence[int], before: Tensor | None) -> Tensor:
    owners = carry(
        (logits > 0).cpu().numpy(),
        like.cpu().numpy(),
        numbers,
        None if before is None else before.cpu().numpy(),
    )
    return torch.from_numpy(owners).to(logits.device)


def _scores(seen: _Seen, trail: Trail, choose: Choose) -> dict[int, tuple[float, int]]:
    """The sentence's scores of all objects known, with this window's."""
    scores = dict(trail.scores)
    shown = present(seen.owners)
    if not shown:
        return scores
    labels = torch.full_like(seen.owners, -1)
    for row, number in enumerate(shown):
        labels[seen.owners == number] = row
    objects = Instances(nearest_labels(labels, -1), labels >= 0, len(shown))
    said = choose(seen.coarse, objects)
    for row, number in enumerate(shown):
        frames = int((seen.owners == number).flatten(1).any(1).sum())
        total, counted = scores.get(number, (0.0, 0))
        score = 0.0 if said is None else float(said[row])
        scores[number] = (total + frames * score, counted + frames)
    return scores


def _presence(window: Window, seen: _Seen, numbers: Sequence[int]) -> Tensor:
    """[T] logits that a frame shows any of the objects."""
    shown = torch.isin(seen.owners, torch.tensor(numbers, device=seen.owners.device))
    there = shown.flatten(1).any(1)
    return torch.where(there, window.presence, window.presence.clamp(max=ABSENT))


def _logit_of(log_share: float) -> float:
    """Logit of exp(log_share), for log_share <= 0: of 1, as sure as can be told."""
    share = min(math.exp(log_share), 1 - CERTAIN)
    return math.log(share) - math.log1p(-share)


def _enlarged(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Cells [T, h, w] bool on another grid."""
    return F.interpolate(cells[:, None].float(), size=shape)[:, 0] > 0.5
