"""J and F of a thousand mask pairs against the published definition, written out plainly.

The boundary is where a mask differs from its right, lower or lower-right neighbour; a boundary
pixel is found where the Euclidean distance to the other boundary is at most
ceil(0.008 * diagonal). scipy's distance transform measures it: no dilation, nothing of ours.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from stages.scoring.metrics import (
    DAVIS_BOUND,
    PAPER_BOUND,
    contour_f,
    region_and_contour,
    region_j,
)

PAIRS = 1000
SIZES = ((48, 86), (60, 107), (72, 130), (97, 64), (130, 130))


def reference_j(pred: np.ndarray, truth: np.ndarray) -> float:
    union = np.logical_or(pred, truth).sum()
    return float(np.logical_and(pred, truth).sum() / union) if union else 1.0


def reference_f(pred: np.ndarray, truth: np.ndarray, bound: float) -> float:
    radius = np.ceil(bound * np.hypot(*pred.shape)) if bound < 1 else bound
    ours, theirs = boundary(pred), boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = np.mean(distance_transform_edt(~theirs)[ours] <= radius)
    recall = np.mean(distance_transform_edt(~ours)[theirs] <= radius)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def boundary(mask: np.ndarray) -> np.ndarray:
    """Neighbours outside the image are the pixel's own row or column continued."""
    grown = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    inner = grown[:-1, :-1]
    found = (inner != grown[:-1, 1:]) | (inner != grown[1:, :-1]) | (inner != grown[1:, 1:])
    return np.asarray(found)


def pair(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two alike masks with uneven outlines, holes and specks; some empty, full or unlike."""
    height, width = SIZES[generator.integers(len(SIZES))]
    noise = cv2.GaussianBlur(generator.standard_normal((height, width)), (0, 0), 3)
    noise /= noise.std()
    level = generator.normal(1, 1)
    truth = noise > level
    drift = cv2.GaussianBlur(generator.standard_normal((height, width)), (0, 0), 2)
    pred = np.roll(noise, generator.integers(-4, 5, 2), (0, 1)) + 3 * drift > level
    kind = generator.integers(20)
    if kind < 3:
        (pred, truth)[kind % 2][:] = kind == 2
    return pred, truth


@pytest.mark.parametrize("bound", [DAVIS_BOUND, PAPER_BOUND])
def test_a_thousand_pairs_score_as_published(bound: float) -> None:
    generator = np.random.default_rng(7)
    pairs = [pair(generator) for _ in range(PAIRS)]
    for pred, truth in pairs:
        region, contour = region_and_contour(pred, truth, bound)
        assert abs(float(region) - reference_j(pred, truth)) < 1e-9
        assert abs(float(contour) - reference_f(pred, truth, bound)) < 1e-9
        assert (region, contour) == (region_j(pred, truth), contour_f(pred, truth, bound))
    scores = [float(contour_f(pred, truth, bound)) for pred, truth in pairs]
    assert 0 < np.mean(scores) < 1 and len(set(scores)) > PAIRS // 2


@pytest.mark.parametrize("radius", [63, 64, 65, 130, 200])
def test_a_tolerance_of_many_words_is_a_disk_too(radius: int) -> None:
    generator = np.random.default_rng(radius)
    pred, truth = (generator.random((300, 500)) > 0.99998 for _ in range(2))
    assert abs(float(contour_f(pred, truth, radius)) - reference_f(pred, truth, radius)) < 1e-9
