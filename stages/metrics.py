"""Region similarity J and contour accuracy F, as the DAVIS benchmark defines them.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
CVPR 2016. The numbers equal the public evaluator's on the same masks. They come several times
faster because nothing far from an object is looked at: J needs only the box around the masks, and
a boundary pixel can find a partner only where both boundaries, grown by the tolerance, overlap.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]

DAVIS_BOUND = 0.008
"""Boundary tolerance of the DAVIS measure, as a share of the image diagonal."""

PAPER_BOUND = 0.010
"""Boundary tolerance in the code of the CMA paper's authors."""


class _Box(NamedTuple):
    """Half-open ranges of rows and columns."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, mask: Mask) -> Mask:
        return mask[self.top : self.bottom, self.left : self.right]

    def grown(self, margin: int) -> _Box:
        return _Box(
            self.top - margin, self.bottom + margin, self.left - margin, self.right + margin
        )

    def overlap(self, other: _Box) -> _Box:
        return _Box(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    @property
    def empty(self) -> bool:
        return self.bottom <= self.top or self.right <= self.left


def region_j(pred: Mask, truth: Mask) -> Scores:
    """Intersection over union.

    Args:
        pred: bool [H, W] or [T, H, W].
        truth: the same shape.

    Returns:
        float64 scalar array, or [T], in [0, 1]; 1 where both masks are empty.

    Raises:
        ValueError: the shapes differ, or the masks are not boolean.
    """
    _check(pred, truth)
    if pred.ndim == 2:
        return np.asarray(_frame_j(pred, truth))
    return np.array([_frame_j(p, t) for p, t in zip(pred, truth, strict=True)], dtype=np.float64)


def contour_f(pred: Mask, truth: Mask, bound_th: float = DAVIS_BOUND) -> Scores:
    """Harmonic mean of boundary precision and recall.

    A boundary pixel counts as found when the other boundary has a pixel within
    ``ceil(bound_th * diagonal)`` pixels of it, in Euclidean distance.

    Args:
        pred: bool [H, W] or [T, H, W].
        truth: the same shape.
        bound_th: tolerance as a share of the image diagonal; 1 or more means pixels.

    Returns:
        float64 scalar array, or [T], in [0, 1]. Without any boundary on either side 1; with one
        on a single side 0. A mask that fills the image has no boundary.

    Raises:
        ValueError: the shapes differ, or the masks are not boolean.
    """
    _check(pred, truth)
    radius = tolerance(pred.shape[-2], pred.shape[-1], bound_th)
    if pred.ndim == 2:
        return np.asarray(_frame_f(pred, truth, radius))
    return np.array(
        [_frame_f(p, t, radius) for p, t in zip(pred, truth, strict=True)], dtype=np.float64
    )


def tolerance(height: int, width: int, bound_th: float) -> int:
    """Boundary tolerance in pixels for an image size."""
    if bound_th >= 1:
        return int(np.ceil(bound_th))
    return int(np.ceil(bound_th * np.linalg.norm((height, width))))


def boundary(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower-right neighbour. bool [H, W] -> [H, W].

    The last row is compared along itself, the last column likewise, the last corner is never
    boundary: the convention of ``seg2bmap`` (Martin et al., the Berkeley segmentation benchmark).
    """
    edge = np.zeros_like(mask)
    inner = mask[:-1, :-1]
    np.not_equal(inner, mask[:-1, 1:], out=edge[:-1, :-1])
    edge[:-1, :-1] |= inner != mask[1:, :-1]
    edge[:-1, :-1] |= inner != mask[1:, 1:]
    np.not_equal(mask[-1, :-1], mask[-1, 1:], out=edge[-1, :-1])
    np.not_equal(mask[:-1, -1], mask[1:, -1], out=edge[:-1, -1])
    return edge


def _frame_j(pred: Mask, truth: Mask) -> float:
    union = int(np.count_nonzero(pred | truth))
    if union == 0:
        return 1.0
    return int(np.count_nonzero(pred & truth)) / union


def _frame_f(pred: Mask, truth: Mask, radius: int) -> float:
    """F of one frame; ``pred`` and ``truth`` bool [H, W], ``radius`` in pixels."""
    # One more row and column above and left: a pixel just outside a mask is boundary too. The
    # same below and right, so that the cut's own last row behaves as in the whole image.
    box = _bounds(pred | truth)
    if box is None:
        return 1.0
    box = box.grown(1).overlap(_Box(0, pred.shape[0], 0, pred.shape[1]))
    pred_edge, truth_edge = boundary(box.cut(pred)), boundary(box.cut(truth))
    pred_box, truth_box = _bounds(pred_edge), _bounds(truth_edge)
    if pred_box is None or truth_box is None:
        return 1.0 if pred_box is truth_box else 0.0
    near = pred_box.grown(radius).overlap(truth_box.grown(radius))
    near = near.overlap(_Box(0, pred_edge.shape[0], 0, pred_edge.shape[1]))
    if near.empty:
        return 0.0
    pred_near, truth_near = near.cut(pred_edge), near.cut(truth_edge)
    precision = _found(pred_near, truth_near, radius) / np.count_nonzero(pred_edge)
    recall = _found(truth_near, pred_near, radius) / np.count_nonzero(truth_edge)
    if precision + recall == 0:
        return 0.0
    return float(2 * precision * recall / (precision + recall))


def _found(edge: Mask, other: Mask, radius: int) -> int:
    """How many pixels of ``edge`` have a pixel of ``other`` within the radius."""
    grown = cv2.dilate(other.view(np.uint8), _disk(radius))
    return int(np.count_nonzero(grown.view(np.bool_) & edge))


@lru_cache(maxsize=64)
def _disk(radius: int) -> npt.NDArray[np.uint8]:
    """uint8 [2r+1, 2r+1], 1 within the radius: scikit-image's ``disk``, not OpenCV's ellipse."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)


def _bounds(mask: Mask) -> _Box | None:
    """The smallest box around the true pixels, or None without any."""
    if mask.size == 0:
        return None
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return _Box(top, top + height, left, left + width) if width and height else None


def _check(pred: Mask, truth: Mask) -> None:
    if pred.shape != truth.shape or pred.ndim not in (2, 3):
        raise ValueError(f"masks of shapes {pred.shape} and {truth.shape}; want equal [H, W]")
    if pred.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f"masks of types {pred.dtype} and {truth.dtype}; want bool")
