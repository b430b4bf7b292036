"""The ways of scoring: which size, which tolerance, what counts, and what is averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from configs.errors import UsageError
from stages.scoring.metrics import DAVIS_BOUND, PAPER_BOUND


@dataclass(frozen=True)
class Protocol:
    """One way of scoring.

    ``bound`` is the boundary tolerance as a share of the diagonal. ``average`` says over what the
    mean goes: "expressions" means over an expression's frames first, then over expressions;
    "objects" over an object's expressions between the two; "frames" pools all frames. ``resized``
    is true where masks have the network's input size and the truth is brought to it. ``inner``
    leaves out a video's first and last annotated frame. ``every_object`` also asks about objects
    of other categories than their video's.
    """

    name: str
    bound: float
    average: Literal["expressions", "objects", "frames"]
    resized: bool
    summary: str
    inner: bool = False
    every_object: bool = False


DAVIS = Protocol(
    "davis",
    DAVIS_BOUND,
    "expressions",
    resized=False,
    summary="annotation resolution, boundary tolerance 0.008, mean over expressions",
)

DAVIS_2017 = Protocol(
    "davis2017",
    DAVIS_BOUND,
    "objects",
    resized=False,
    summary="annotation resolution, boundary tolerance 0.008, first and last frame left out, mean "
    "over objects",
    inner=True,
)

REF_YOUTUBE_VOS = Protocol(
    "ref-youtube-vos",
    DAVIS_BOUND,
    "expressions",
    resized=False,
    summary="annotation resolution, boundary tolerance 0.008, mean over expressions, every object",
    every_object=True,
)

PAPER = Protocol(
    "paper",
    PAPER_BOUND,
    "frames",
    resized=True,
    summary="network input resolution, boundary tolerance 0.010, all frames pooled, every object",
    every_object=True,
)

PROTOCOLS = {protocol.name: protocol for protocol in (DAVIS, DAVIS_2017, REF_YOUTUBE_VOS, PAPER)}


def find_protocol(name: str) -> Protocol:
    """The protocol of that name; UsageError for any other."""
    if name not in PROTOCOLS:
        raise UsageError(f"unknown protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def resize_truth(truth: npt.NDArray[np.bool_], height: int, width: int) -> npt.NDArray[np.bool_]:
    """bool [T, H, W] -> [T, height, width]: bilinear on 0/1 with corners not aligned, then > 0.5.

    As the authors' code does it. PyTorch itself computes this, since a pixel that lies half
    covered must fall on the same side of 0.5.
    """
    if truth.shape[1:] == (height, width):
        return truth
    import torch
    from torch.nn import functional

    values = torch.from_numpy(truth.astype(np.float32))[:, None]
    resized = functional.interpolate(
        values, size=(height, width), mode="bilinear", align_corners=False
    )
    return np.asarray((resized[:, 0] > 0.5).numpy())
