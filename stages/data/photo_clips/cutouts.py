"""Objects cut out of photographs with soft edges, to be set into others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.photographs import Outline, Photograph, read_pixels

Mask = NDArray[np.bool_]
_PAD = 8
_FEATHER = 0.9  # px, standard deviation of the edge
_TOUCH = 0.25  # of the rim beside other objects, from which it is taken to be half hidden
_RIM = 4
_WITHIN = 0.9  # of a box, from which it lies within another


@dataclass(frozen=True)
class Cutout:
    """`rgba` [h, w, 4] in 0..255, colours carried on beyond the edge, so that it has no halo.

    `base` is how far down its own picture the object stood, 0 at the top, 1 at the bottom;
    `picture` is that picture's (height, width) in the cut-out's pixels.
    """

    kind: str
    source: str
    rgba: NDArray[np.uint8]
    base: float
    picture: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the object itself."""
        return self.rgba.shape[0] - 2 * _PAD, self.rgba.shape[1] - 2 * _PAD


def cut_out(photo: Photograph, outline: Outline, longer_side: int) -> Cutout | None:
    """The object with a soft edge; None where it is in pieces or others seem to hide part of it."""
    others = [o for o in photo.outlines if o is not outline and not _holds(o, outline)]
    pixels = read_pixels(photo, [outline, *others], longer_side)
    mask = _smooth(pixels.masks[0])
    if not mask.any() or _pieces(mask) != 1 or _touched(mask, pixels.masks[1:]) > _TOUCH:
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = np.pad(mask[box], _PAD)
    rgb = np.pad(pixels.rgb[box], ((_PAD, _PAD), (_PAD, _PAD), (0, 0)), mode="edge")
    core = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8))
    if not core.any():
        return None
    alpha = cv2.GaussianBlur(core.astype(np.float32), (0, 0), _FEATHER)
    rgba = np.dstack([_carry_on(rgb, core > 0), (alpha * 255 + 0.5).astype(np.uint8)])
    height, width = mask.shape
    return Cutout(outline.kind, photo.id, rgba, float(rows[-1]) / height, (height, width))


def _holds(large: Outline, small: Outline) -> bool:
    """Whether `large` surrounds `small`, as a table what stands on it: then it hides none of it."""
    x, y, width, height = large.box
    left, top, across, down = small.box
    shared = max(0.0, min(x + width, left + across) - max(x, left)) * max(
        0.0, min(y + height, top + down) - max(y, top)
    )
    return large.share > small.share and shared >= _WITHIN * across * down


def _smooth(mask: Mask) -> Mask:
    """Corners of the polygon rounded."""
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) > 0.5)


def _pieces(mask: Mask) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8))[0]) - 1


def _touched(mask: Mask, others: tuple[Mask, ...]) -> float:
    """The share of the rim around `mask` that belongs to other objects."""
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8)) > 0
    rim = wide & ~mask
    taken = np.zeros_like(mask)
    for other in others:
        taken |= other
    return float((rim & taken).sum() / max(rim.sum(), 1))


def _carry_on(rgb: NDArray[np.uint8], core: Mask) -> NDArray[np.uint8]:
    """`rgb` [h, w, 3] with each pixel outside `core` given the colour of the nearest inside."""
    _, labels = cv2.distanceTransformWithLabels(
        (~core).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[core]] = rgb[core]
    return colours[labels]
