"""J and F against an independent, slow reading of their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.scoring.metrics import DAVIS_BOUND, PAPER_BOUND, contour_f, region_j, tolerance


def slow_boundary(seg: np.ndarray) -> set[tuple[int, int]]:
    """seg2bmap, pixel by pixel."""
    height, width = seg.shape
    found = set()
    for y in range(height):
        for x in range(width):
            if y == height - 1 and x == width - 1:
                continue
            if y == height - 1:
                others = [(y, x + 1)]
            elif x == width - 1:
                others = [(y + 1, x)]
            else:
                others = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(seg[y, x] != seg[other] for other in others):
                found.add((y, x))
    return found


def slow_f(pred: np.ndarray, truth: np.ndarray, bound_th: float) -> float:
    """Precision and recall by comparing every pair of boundary pixels."""
    radius = math.ceil(bound_th * math.hypot(*pred.shape)) if bound_th < 1 else bound_th
    a, b = slow_boundary(pred), slow_boundary(truth)
    if not a and b:
        precision, recall = 1.0, 0.0
    elif a and not b:
        precision, recall = 0.0, 1.0
    elif not a:
        precision, recall = 1.0, 1.0
    else:

        def near(p: tuple[int, int], others: set[tuple[int, int]]) -> bool:
            return any((p[0] - y) ** 2 + (p[1] - x) ** 2 <= radius**2 for y, x in others)

        precision = sum(near(p, b) for p in a) / len(a)
        recall = sum(near(p, a) for p in b) / len(b)
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def slow_j(pred: np.ndarray, truth: np.ndarray) -> float:
    union = sum(bool(p or t) for p, t in zip(pred.flat, truth.flat, strict=True))
    both = sum(bool(p and t) for p, t in zip(pred.flat, truth.flat, strict=True))
    return both / union if union else 1.0


def blob(height: int, width: int, y: float, x: float, ry: float, rx: float) -> np.ndarray:
    yy, xx = np.mgrid[:height, :width]
    return ((yy - y) / ry) ** 2 + ((xx - x) / rx) ** 2 <= 1


SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
BOUNDS = st.sampled_from([DAVIS_BOUND, PAPER_BOUND, 0.1, 0.25, 2])


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    masks = hnp.arrays(bool, shape, elements=st.booleans(), fill=st.booleans())
    return draw(masks), draw(masks)


@settings(max_examples=200, deadline=None)
@given(mask_pairs(), BOUNDS)
def test_random_masks_score_as_the_definition_says(
    pair: tuple[np.ndarray, np.ndarray], bound: float
) -> None:
    pred, truth = pair
    assert region_j(pred, truth) == pytest.approx(slow_j(pred, truth), abs=1e-12)
    assert contour_f(pred, truth, bound) == pytest.approx(slow_f(pred, truth, bound), abs=1e-12)


@pytest.mark.parametrize("bound", [DAVIS_BOUND, PAPER_BOUND])
@pytest.mark.parametrize(
    ("pred", "truth"),
    [
        (blob(90, 160, 40, 70, 20, 30), blob(90, 160, 44, 75, 22, 25)),
        (blob(90, 160, 0, 0, 30, 30), blob(90, 160, 2, 3, 30, 30)),  # cut by the corner
        (blob(90, 160, 89, 159, 30, 40), blob(90, 160, 88, 158, 28, 40)),  # cut by the last one
        (blob(90, 160, 20, 20, 6, 6), blob(90, 160, 70, 140, 6, 6)),  # far apart
        (blob(90, 160, 45, 80, 300, 300), blob(90, 160, 45, 80, 20, 20)),  # fills the image
        (blob(300, 400, 150, 200, 60, 60), blob(300, 400, 152, 203, 61, 58)),  # radius 4 and 5
    ],
)
def test_objects_score_as_the_definition_says(
    pred: np.ndarray, truth: np.ndarray, bound: float
) -> None:
    assert contour_f(pred, truth, bound) == pytest.approx(slow_f(pred, truth, bound), abs=1e-12)
    assert region_j(pred, truth) == pytest.approx(slow_j(pred, truth), abs=1e-12)


def test_closed_forms() -> None:
    # A 4x4 square's boundary is the 5x5 ring around its upper left corner pixel, 16 pixels.
    # One column apart, two squares share 12 of 20 pixels, and every ring pixel has one of the
    # other ring beside it.
    pred, truth = np.zeros((2, 20, 20), dtype=bool)
    pred[5:9, 5:9] = True
    truth[5:9, 6:10] = True
    assert region_j(pred, truth) == 12 / 20
    assert contour_f(pred, truth, 1) == 1.0
    truth = np.roll(pred, 3, axis=1)
    # Moved by 3: of the ring's columns 4..8 only 6 (2 pixels), 7 (2) and 8 (5) come within one
    # pixel of the other ring, columns 7..11.
    assert contour_f(pred, truth, 1) == pytest.approx(9 / 16)


@pytest.mark.parametrize(
    ("pred", "truth", "j", "f"),
    [
        (False, False, 1.0, 1.0),
        (True, True, 1.0, 1.0),  # both fill the image: no boundary anywhere
        (True, False, 0.0, 1.0),  # neither has a boundary, so F finds nothing wrong
    ],
)
def test_empty_and_full(pred: bool, truth: bool, j: float, f: float) -> None:
    a, b = np.full((8, 9), pred), np.full((8, 9), truth)
    assert (region_j(a, b), contour_f(a, b)) == (j, f)


def test_one_side_empty_is_zero() -> None:
    some, none = blob(20, 20, 10, 10, 4, 4), np.zeros((20, 20), dtype=bool)
    assert contour_f(some, none) == contour_f(none, some) == 0.0
    assert region_j(some, none) == region_j(none, some) == 0.0


@settings(max_examples=60, deadline=None)
@given(mask_pairs(), BOUNDS)
def test_properties(pair: tuple[np.ndarray, np.ndarray], bound: float) -> None:
    a, b = pair
    assert region_j(a, a) == contour_f(a, a, bound) == 1.0
    # Swapping the sides swaps precision and recall, which F does not see.
    assert contour_f(a, b, bound) == pytest.approx(float(contour_f(b, a, bound)), abs=1e-12)
    assert region_j(a, b) == region_j(b, a)
    assert 0.0 <= region_j(a, b) <= 1.0
    assert 0.0 <= contour_f(a, b, bound) <= 1.0
    # Agreement on the intersection can only be better than on either mask.
    assert region_j(a & b, a) >= region_j(a, b)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 12), st.integers(0, 20), st.integers(1, 2**32 - 1))
def test_moving_both_masks_changes_nothing(dy: int, dx: int, seed: int) -> None:
    masks = np.random.default_rng(seed).random((2, 8, 8)) > 0.5
    reference, moved = np.zeros((2, 2, 30, 40), dtype=bool)
    reference[:, 2:10, 2:10] = masks
    moved[:, 2 + dy : 10 + dy, 2 + dx : 10 + dx] = masks
    assert contour_f(*moved) == contour_f(*reference)
    assert region_j(*moved) == region_j(*reference)


def test_a_video_is_its_frames() -> None:
    masks = np.random.default_rng(0).random((2, 5, 24, 33)) > 0.6
    pred, truth = masks
    pred[1], truth[2] = False, False
    pred[3], truth[3] = False, False
    for measure in (region_j, contour_f):
        together = measure(pred, truth)
        assert together.shape == (5,)
        assert together.dtype == np.float64
        assert together.tolist() == [float(measure(p, t)) for p, t in zip(pred, truth, strict=True)]
        assert together[3] == 1.0


def test_non_contiguous_masks_are_read_right() -> None:
    pred = blob(160, 90, 70, 40, 30, 20).T
    truth = blob(180, 320, 84, 150, 44, 50)[::2, ::2]
    assert contour_f(pred, truth) == contour_f(pred.copy(), truth.copy())


@pytest.mark.parametrize(
    ("height", "width", "bound", "pixels"),
    [(480, 854, DAVIS_BOUND, 8), (480, 854, PAPER_BOUND, 10), (180, 320, DAVIS_BOUND, 3)],
)
def test_tolerance(height: int, width: int, bound: float, pixels: int) -> None:
    assert tolerance(height, width, bound) == pixels


def test_wrong_arguments_are_refused() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    with pytest.raises(ValueError, match="shapes"):
        region_j(mask, mask[:3])
    with pytest.raises(ValueError, match="bool"):
        contour_f(mask, mask.astype(np.uint8))
