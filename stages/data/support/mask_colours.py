"""Masks drawn in colours on black: an object a colour, edges given to the nearest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.outlines import Mask

_EXACT = 8  # colours that need no look at their edges
_MOST = 64  # objects in one mask
_NEAR = 60.0  # of 441, how far a colour may be from the flat one that it belongs to
_SMALLEST = 0.02  # of what is not black, the least that makes a colour an object's
_BLACK = 0


def colour_objects(path: Path, colours: NDArray[np.uint8]) -> dict[str, Mask]:
    """Masks [H, W] by colour, written #rrggbb, of an RGB mask [H, W, 3].

    Smoothed edges and JPEG's noise go to the nearest of its flat colours. Raises DataError for what
    is a picture rather than a mask, and where nothing is black.
    """
    codes = (colours.astype(np.uint32) << np.array([16, 8, 0], np.uint32)).sum(-1)
    distinct, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(codes.shape)
    kept, nearest = _flat_colours(path, distinct, counts)
    index = nearest[inverse]
    if not (index == 0).any():
        raise DataError(
            f"{path}: no pixel is black, so the background is not known; make it black (0, 0, 0)"
        )
    masks = {f"#{code:06x}": index == i for i, code in enumerate(kept) if i}
    return {colour: mask for colour, mask in masks.items() if mask.any()}


def shared_colours(colours: Iterable[str]) -> dict[str, str]:
    """Each of some colours #rrggbb -> the first of them that is near it."""
    kept: list[str] = []
    names: dict[str, str] = {}
    for colour in colours:
        point = _as_points(np.array([int(colour[1:], 16)], np.uint32))
        known = _as_points(np.array([int(other[1:], 16) for other in kept], np.uint32))
        apart = np.linalg.norm(known - point, axis=1)
        if not (apart <= _NEAR).any():
            kept.append(colour)
        names[colour] = colour if colour in kept else kept[int(apart.argmin())]
    return names


def _flat_colours(
    path: Path, distinct: NDArray[np.uint32], counts: NDArray[np.intp]
) -> tuple[list[int], NDArray[np.intp]]:
    """The objects' colours after black, and for each distinct colour which of them it is."""
    points = _as_points(distinct)
    drawn = int(counts[distinct != _BLACK].sum())
    kept = [_BLACK]
    for i in np.argsort(-counts, kind="stable"):
        exact = len(distinct) <= _EXACT
        if counts[i] < (1 if exact else max(1, _SMALLEST * drawn)) or len(kept) > _MOST:
            break
        apart = np.linalg.norm(_as_points(np.array(kept, np.uint32)) - points[i], axis=1).min()
        if apart > (0 if exact else _NEAR):
            kept.append(int(distinct[i]))
    chosen = _as_points(np.array(kept, np.uint32))
    distance = np.stack([np.linalg.norm(points - point, axis=1) for point in chosen])
    nearest, far = distance.argmin(0), distance.min(0) > _NEAR
    strays = int(counts[far].sum())
    if len(kept) > _MOST or strays > (drawn - strays) / 2:
        raise DataError(
            f"{path}: looks like a picture, not a mask: it has {len(distinct)} colours; save a "
            "mask with one flat colour an object on black"
        )
    return kept, nearest


def _as_points(codes: NDArray[np.uint32]) -> NDArray[np.float32]:
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1).astype(np.float32)
