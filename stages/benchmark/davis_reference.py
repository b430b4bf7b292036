"""J and F of one frame as the DAVIS benchmark publishes them, written out plainly.

It stands for the public evaluator (Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017), which is no
dependency: a boundary map by comparing each pixel with its right, lower and lower right neighbour,
a dilation of each boundary with a disk of the tolerance's radius, and counts. Only the benchmark
runs it; `stages.scoring.metrics` computes the same numbers.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.scoring.metrics import DAVIS_BOUND

Mask = NDArray[np.bool_]


def frame_scores(pred: Mask, truth: Mask) -> tuple[float, float]:
    """J and F of a predicted and a true mask, bool [H, W]."""
    return frame_j(pred, truth), frame_f(pred, truth)


def frame_j(pred: Mask, truth: Mask) -> float:
    """Intersection over union; 1 where both masks are empty."""
    union = np.sum(pred | truth)
    return float(np.sum(pred & truth) / union) if union else 1.0


def frame_f(pred: Mask, truth: Mask) -> float:
    """F of boundary precision and recall within 0.008 of the diagonal."""
    radius = int(np.ceil(DAVIS_BOUND * np.linalg.norm(pred.shape)))
    found, wanted = boundary(pred), boundary(truth)
    disk = _disk(radius)
    near_found = cv2.dilate(found.astype(np.uint8), disk).astype(bool)
    near_wanted = cv2.dilate(wanted.astype(np.uint8), disk).astype(bool)
    found_length, wanted_length = np.sum(found), np.sum(wanted)
    if not found_length and not wanted_length:
        return 1.0
    if not found_length or not wanted_length:
        return 0.0
    precision = np.sum(found & near_wanted) / found_length
    recall = np.sum(wanted & near_found) / wanted_length
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def boundary(mask: Mask) -> Mask:
    """Pixels [H, W] that differ from their right, lower or lower right neighbour in the image."""
    right, below, diagonal = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    diagonal[:-1, :-1] = mask[1:, 1:]
    diagonal[-1, :-1] = mask[-1, 1:]
    diagonal[:-1, -1] = mask[1:, -1]
    return (mask ^ right) | (mask ^ below) | (mask ^ diagonal)


def _disk(radius: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (rows**2 + columns**2 <= radius**2).astype(np.uint8)
