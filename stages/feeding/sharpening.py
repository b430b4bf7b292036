"""Masks brought to the edges of the picture itself.

A network's mask ends within a cell or two of the object's outline. Around it, GrabCut (Rother et
al., 2004) asks which of two mixtures of colours a pixel belongs to, and cuts where the picture
changes; the middle of the mask and what is far outside stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

LONG_SIDE = 256  # pixels of the picture that is cut
CERTAIN_DEPTH = 0.5  # of the deepest point of the mask, from which a pixel is the object's
REACH = 0.15  # of the root of the mask's area, how far outside the object may still be
LEAST_REACH = 2.0  # pixels
LEAST_PIXELS = 20  # of the mask and of the rest, below which there are no colours to learn
ROUNDS = 1
SEED = 0  # of the mixtures, set for every frame: a mask depends on its own frame alone

Mask = NDArray[np.bool_]


def sharpen_clip(
    frames: Sequence[NDArray[np.uint8]], logits: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Each frame's mask, several at a time. frames: T of [h, w, 3] RGB; logits: [T, H, W]."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack([*pool.map(sharpen, frames, logits)])


def sharpen(
    frame: NDArray[np.uint8], logits: NDArray[np.float32], *, long_side: int = LONG_SIDE
) -> Mask:
    """The mask [H, W] of logits [H, W], its outline that of the picture [h, w, 3] under it.

    Picture and logits show the same, at any sizes. A mask of next to nothing, or of next to all,
    stays as it is. long_side: of the picture that is cut, in pixels at most.
    """
    height, width = logits.shape
    scale = min(1.0, long_side / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    inside = cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR) > 0
    known = trimap(inside)
    if known is None:
        return logits > 0
    picture = np.ascontiguousarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    cv2.setRNGSeed(SEED)
    models = np.zeros((1, 65)), np.zeros((1, 65))  # GrabCut's own working memory
    cv2.grabCut(picture, known, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(known, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5


def trimap(inside: Mask) -> NDArray[np.uint8] | None:
    """What GrabCut is told of each pixel; None where it would have nothing to go by."""
    area = int(inside.sum())
    if min(area, inside.size - area) < LEAST_PIXELS:
        return None
    drawn = inside.astype(np.uint8)
    depth = cv2.distanceTransform(drawn, cv2.DIST_L2, 3)
    away = cv2.distanceTransform(1 - drawn, cv2.DIST_L2, 3)
    known = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    known[depth > CERTAIN_DEPTH * depth.max()] = cv2.GC_FGD
    known[away > max(LEAST_REACH, REACH * np.sqrt(area))] = cv2.GC_BGD
    return known if (known == cv2.GC_BGD).any() else None
