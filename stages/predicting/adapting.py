"""A network tuned on the support that it is given: seconds, and kept only where it helps.

Every support frame in turn is a known clip, with the other frames as its support. So it says most
where the frames are of different videos: of one video, frames answer for their neighbours.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from configs.errors import UsageError
from stages.model.inputs import FramePyramid, Words
from stages.model.network import Adaptation, KnownClip, Network
from stages.predicting.encoded_support import EncodedSupport

FEWEST = 3  # frames of which one can be left out


def adapt_network(network: Network, shown: EncodedSupport, words: Words) -> Adaptation:
    """Tune a copy of a network on a support of S frames.

    Raises UsageError where the network has nothing to tune, or the support has too few frames.
    """
    count = len(shown.names)
    if count < FEWEST:
        raise UsageError(
            f"--adapt leaves out one support frame after another, and there are {count}; "
            f"give {FEWEST} or more, or leave --adapt out"
        )
    known = [left_out(shown, words, row) for row in range(count)]
    adapted = network.adapt(known)
    if adapted is None:
        raise UsageError(
            "--adapt: the network of this run has no part to tune on a support; leave it out"
        )
    return adapted


def left_out(shown: EncodedSupport, words: Words, row: int) -> KnownClip:
    """Frame number `row` as a clip, the others as its support."""
    others = [number for number in range(len(shown.names)) if number != row]
    support = replace(
        shown,
        names=tuple(shown.names[number] for number in others),
        maps=tuple(shown.maps[number] for number in others),
        masks=tuple(shown.masks[number] for number in others),
    )
    mask = torch.from_numpy(shown.masks[row])[None, None]
    return KnownClip(one_frame(shown.maps[row], mask), support.as_input(words), mask)


def one_frame(maps: tuple[Tensor, Tensor, Tensor, Tensor], mask: Tensor) -> FramePyramid:
    """A frame's maps [1, C, h, w] as a clip of a batch of one."""
    first, second, third, fourth = (level[None] for level in maps)
    return FramePyramid((first, second, third, fourth), torch.tensor([mask.shape[-2:]]))
