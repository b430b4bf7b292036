"""How many frames of a video go through the network together, by the memory there is."""

from __future__ import annotations

import os

from stages.data.video import VideoSource
from stages.model.inputs import STRIDES
from stages.predicting.segmenter import Segmenter
from stages.runtime.progress import say

SHARE = 0.5  # of the free memory that the frames of one pass may take
COPIES = 4  # of a frame's maps that a network has at a time, about
FLOAT_BYTES = 4


def frames_at_once(segmenter: Segmenter, source: VideoSource) -> int:
    """All frames that the video claims, or as many as there is room for, which is then said."""
    fits = int(SHARE * free_bytes() / frame_bytes(segmenter, source))
    if not source.expected or source.expected > fits:
        say(f"note: {fits} frames go through the network together; for more there is no memory")
    return fits


def frame_bytes(segmenter: Segmenter, source: VideoSource) -> int:
    """What one frame takes: itself, its maps, and what a network makes of them."""
    height, width = segmenter.network_size(source.height, source.width)
    maps = sum(
        channels * -(-height // stride) * -(-width // stride)
        for channels, stride in zip(segmenter.encoders.present.channels, STRIDES, strict=True)
    )
    return 3 * source.height * source.width + COPIES * FLOAT_BYTES * maps


def free_bytes() -> int:
    """Memory that is not in use. Where the system does not say, 4 GB."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30
