"""Masks as closed lines, for tools that draw outlines and not pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from stages.data.outlines import Mask

Line = NDArray[np.float32]
_SLACK = 0.5  # pixels by which a line may leave the border of the mask


def trace(mask: Mask) -> list[Line]:
    """A closed line [N, 2] of x and y for every part of a mask [H, W], N at least 3.

    Coordinates run along the pixels' borders, from 0 to W and H. A hole is reached from the outside
    and back along the same way, so that it is one even where a tool knows no holes.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    found, tree = cv2.findContours(_borders(inside), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([left, top], np.float32)
    lines = [np.asarray(_smoothed(line) / 2 + corner, np.float32) for line in found]
    parts = {number: lines[number] for number, row in enumerate(tree[0]) if row[3] < 0}
    for number, row in enumerate(tree[0]):
        if row[3] >= 0:
            parts[row[3]] = joined(parts[row[3]], lines[number])
    return list(parts.values())


def joined(line: Line, other: Line) -> Line:
    """Two closed lines as one that goes over to the other and back where they are nearest."""
    here, there = np.unravel_index(np.argmin(cdist(line, other)), (len(line), len(other)))
    around = np.concatenate([other[there:], other[: there + 1]])
    return np.concatenate([line[: here + 1], around, line[here:]])


def _borders(mask: Mask) -> NDArray[np.uint8]:
    """The mask on a grid twice as fine, on which its outermost points are the pixels' corners."""
    height, width = mask.shape
    fine = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    fine[1::2, 1::2] = mask
    return np.asarray(cv2.dilate(fine, np.ones((3, 3), np.uint8)), np.uint8)


def _smoothed(line: NDArray[np.int32]) -> Line:
    """With fewer points where they say nothing; on the grid twice as fine."""
    simple = cv2.approxPolyDP(line, 2 * _SLACK, True)
    return (simple if len(simple) > 2 else line)[:, 0].astype(np.float32)
