"""Masks follow the picture's edges, and are left alone where there is nothing to follow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stages.feeding.sharpening import sharpen, sharpen_clip, trimap


def disc(size: tuple[int, int], centre: tuple[int, int], radius: int) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A red disc on noisy green, and where it is."""
    rng = np.random.default_rng(seed)
    true = disc((120, 160), (60, 70), 30)
    frame = np.where(true[..., None], (200, 60, 40), (60, 150, 70)).astype(np.float64)
    noisy = frame + rng.normal(0, 12, frame.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), true


def blurred(mask: np.ndarray, shift: int = 4) -> np.ndarray:
    """Logits of a mask that was seen on cells of 16 pixels, and a little beside."""
    cells = cv2.resize(mask.astype(np.float32), (10, 8), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cells, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.roll(8 * (wide - 0.5), shift, axis=1).astype(np.float32)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_blurred_mask_takes_the_outline_of_the_picture() -> None:
    frame, true = scene()
    logits = blurred(true)
    assert overlap(logits > 0, true) < 0.87
    assert overlap(sharpen(frame, logits), true) > 0.97


def test_picture_and_mask_may_have_other_sizes() -> None:
    frame, true = scene()
    large = cv2.resize(frame, (640, 480), interpolation=cv2.INTER_LINEAR)
    found = sharpen(large, blurred(true))
    assert found.shape == true.shape and overlap(found, true) > 0.95


@pytest.mark.parametrize("value", [-3.0, 3.0])
def test_nothing_and_everything_stay(value: float) -> None:
    frame, _ = scene()
    logits = np.full(frame.shape[:2], value, np.float32)
    assert (sharpen(frame, logits) == (logits > 0)).all()


def test_what_is_far_from_the_mask_is_never_taken() -> None:
    """A second disc of the same colour is not the object's."""
    frame, true = scene()
    other = disc((120, 160), (60, 145), 12)
    frame[other] = (200, 60, 40)
    assert not sharpen(frame, blurred(true, 0))[other].any()


def test_a_frame_is_cut_alike_alone_and_among_others() -> None:
    pairs = [scene(seed) for seed in range(5)]
    logits = np.stack([blurred(true) for _, true in pairs])
    together = sharpen_clip([frame for frame, _ in pairs], logits)
    for number, (frame, _) in enumerate(pairs):
        assert (together[number] == sharpen(frame, logits[number])).all()


def test_trimap_keeps_the_middle_and_the_far() -> None:
    known = trimap(disc((100, 100), (50, 50), 20))
    assert known is not None
    assert known[50, 50] == cv2.GC_FGD and known[50, 67] == cv2.GC_PR_FGD
    assert known[50, 73] == cv2.GC_PR_BGD and known[50, 90] == cv2.GC_BGD
    assert trimap(disc((100, 100), (50, 50), 1)) is None
