"""What a network says of a clip, what is true of it, and what the difference costs."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The weighted sum to minimise, and its terms unweighted."""

    total: Tensor
    terms: dict[str, Tensor] = field(default_factory=dict)
