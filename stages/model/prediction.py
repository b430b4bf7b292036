"""What a network says of a clip, what is true of it, and what the difference costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Prediction:
    """What every network says of a clip.

    Attributes:
        logits: [B, T, Q, 1], that query q is the described object and this frame shows it.
        masks: [B, T, Q, h, w] mask logits at the network's mask stride.
    """

    logits: Tensor
    masks: Tensor


@dataclass(frozen=True)
class FollowedObject:
    """One object of the support's kind in a window of a video.

    Attributes:
        number: from 1, the object's own over the whole video.
        masks: [T, h, w] mask logits at the network's mask stride.
        presence: [T] logits that a frame shows it.
        score: logit that it is the described one.
    """

    number: int
    masks: Tensor
    presence: Tensor
    score: float


@dataclass(frozen=True)
class Followed:
    """What a network says of the next window of a video.

    Attributes:
        masks: [T, h, w] mask logits of what is described, at the network's mask stride.
        presence: [T] logits that a frame shows it.
        objects: those of the support's kind that this window or one before it showed, in the
            order of their numbers.
        memory: what the network is to be given with the next window.
    """

    masks: Tensor
    presence: Tensor
    objects: tuple[FollowedObject, ...]
    memory: object


@dataclass(frozen=True)
class Truth:
    """What is true of a clip, as the losses of a network are told.

    Attributes:
        masks: [B, T, H, W] bool, the described object on the padded canvas.
        kind: [B, T, H, W] bool, every object of the support's kind; `masks` lies within it.
        size: [B, 2], height and width in pixels of each clip's frames without padding.
        twins: pairs of clips that are one video with two sentences.
    """

    masks: Tensor
    kind: Tensor
    size: Tensor
    twins: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class Losses:
    """What a batch costs.

    Attributes:
        total: the weighted sum to minimise.
        terms: its terms, unweighted.
        counts: of the terms that are no means over clips, the weight in the sum and how many
            things the term is a mean over; fewer than one count as one.
    """

    total: Tensor
    terms: dict[str, Tensor] = field(default_factory=dict)
    counts: Mapping[str, tuple[float, Tensor]] = field(default_factory=dict)

    def of_whole(self, clips: float, counts: Mapping[str, Tensor]) -> Losses:
        """This part's share of a whole batch's losses: those of all parts add up to them.

        clips: the share of the batch's clips; counts: those of the whole batch.
        """
        shares = {
            name: count.clamp(min=1) / counts[name].clamp(min=1)
            for name, (_, count) in self.counts.items()
        }
        total = clips * self.total
        for name, (weight, _) in self.counts.items():
            total = total + (shares[name] - clips) * weight * self.terms[name]
        terms = {name: shares.get(name, clips) * term for name, term in self.terms.items()}
        return Losses(total, terms)
