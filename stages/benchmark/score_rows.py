"""Section `score`: our J and F over the published algorithm's, on the same masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.benchmark.davis_reference import frame_scores
from stages.benchmark.measure import alternate
from stages.benchmark.setting import Setting
from stages.scoring.metrics import region_and_contour

# DAVIS at 480p; a video of it has 70 frames.
SIZE, FRAMES = (480, 854), 70
Masks = NDArray[np.bool_]


def rows(setting: Setting) -> dict[str, float]:
    """score_speedup: throughput of J and F together."""
    pred, truth = blobs(FRAMES, SIZE)

    def published() -> list[tuple[float, float]]:
        return [frame_scores(*pair) for pair in zip(pred, truth, strict=True)]

    def ours() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return region_and_contour(pred, truth)

    seconds = alternate({"published": published, "ours": ours}, setting.rounds)
    return {"score_speedup": seconds["published"] / seconds["ours"]}


def blobs(count: int, size: tuple[int, int]) -> tuple[Masks, Masks]:
    """Predicted and true masks [count, H, W]: a lobed blob that moves, and one a little off.

    Each covers about a twentieth of the frame, as an object of DAVIS does, with an uneven outline
    and some specks.
    """
    height, width = size
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / height
    pairs = []
    for number in range(count):
        noise = cv2.GaussianBlur(generator.standard_normal(size), (0, 0), height / 40)
        shade = noise / noise.std() / 10
        centre = 0.4 + 0.6 * number / count
        truth = np.hypot(x - centre, y - 0.5) < 0.17 + 0.3 * shade
        pred = np.hypot(x - centre - 0.01, y - 0.49) < 0.17 + 0.3 * np.roll(shade, 3, axis=1)
        pairs.append((pred, truth))
    return np.stack([pred for pred, _ in pairs]), np.stack([truth for _, truth in pairs])
