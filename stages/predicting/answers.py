"""What is said of one frame of a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stages.data.overlay import draw_mask, png_of

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class ObjectAnswer:
    """One object in one frame.

    Attributes:
        number: from 1 to 255, the object's own over the whole video.
        mask: bool [H, W], where it is.
        logits: float32 [H, W], that a pixel is the object's: above 0 rather than not, before the
            mask was brought to the picture's edges.
        presence: probability in [0, 1] that the frame shows it.
        present: whether that reaches the threshold; the mask is empty where it does not.
    """

    number: int
    mask: NDArray[np.bool_]
    logits: NDArray[np.float32]
    presence: float
    present: bool = True

    @property
    def soft(self) -> NDArray[np.float32]:
        """Probability [H, W] in [0, 1] that a pixel is the object's."""
        soft: NDArray[np.float32] = 1 / (1 + np.exp(-self.logits.clip(-30, 30)))
        return soft


@dataclass(frozen=True)
class FrameAnswer:
    """One frame and the described objects in it.

    Attributes:
        index: of the frame in the video, from 0.
        name: file stem under which the frame's results are saved.
        frame: RGB [H, W, 3].
        objects: at least one, each also where the frame does not show it: its mask is then empty.
        at: seconds from the start of the video at which the frame is shown.
    """

    index: int
    name: str
    frame: Frame
    objects: tuple[ObjectAnswer, ...]
    at: Fraction

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where any of the objects is, bool [H, W]."""
        mask: NDArray[np.bool_] = np.logical_or.reduce([found.mask for found in self.objects])
        return mask

    @property
    def ids(self) -> NDArray[np.uint8]:
        """The object's number at every pixel, [H, W], 0 = none; of two the later."""
        ids = np.zeros(self.frame.shape[:2], np.uint8)
        for found in self.objects:
            ids[found.mask] = found.number
        return ids

    @property
    def presence(self) -> float:
        """That the frame shows any of the objects, in [0, 1]."""
        return max(found.presence for found in self.objects)

    def _repr_png_(self) -> bytes:
        """The frame with its objects marked, for notebooks."""
        return png_of(draw_mask(self.frame, self.mask))

    @property
    def present(self) -> bool:
        """Whether the frame shows any of them, by the threshold."""
        return any(found.present for found in self.objects)

    @property
    def marked(self) -> bool:
        """Whether any pixel is marked."""
        return any(bool(found.mask.any()) for found in self.objects)
