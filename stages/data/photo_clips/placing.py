"""Where cut-outs stand in a picture, how large they are and how they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.cutouts import Cutout

Floats = NDArray[np.float64]
TOLD_BY = ("side", "size", "motion", "colour")
_EDGE = 0.07  # of the picture, kept free around objects
_LARGEST = 0.24  # of the picture's area
_SMALLEST = 0.025
_APART = 0.5  # of the smaller of two boxes, that they may share


@dataclass(frozen=True)
class Placed:
    """A cut-out on its way: `path` [T, 2] of its middle in pixels, `scale` and `angle` [T]."""

    cutout: Cutout
    path: Floats
    scale: Floats
    angle: Floats
    mirrored: bool


def place(
    rng: np.random.Generator,
    cast: Sequence[Cutout],
    stars: int,
    told_by: str,
    picture: tuple[int, int],
    frames: int,
) -> list[Placed] | None:
    """Each of `cast` in a picture of (height, width), the first `stars` told apart by `told_by`.

    None where this draw finds no room.
    """
    placed: list[Placed] = []
    scales = _scales(rng, cast, stars, told_by, picture)
    motions = _motions(rng, len(cast), stars, told_by)
    flipped = bool(rng.random() < 0.5)
    for i, cutout in enumerate(cast):
        third = (i == 1) != flipped if told_by == "side" and stars == 2 and i < 2 else None
        for _ in range(10):
            one = _walk(rng, cutout, scales[i], motions[i], third, picture, frames)
            if one is not None and all(_apart(one, other) for other in placed):
                placed.append(one)
                break
        else:
            return None
    return placed


def _scales(
    rng: np.random.Generator,
    cast: Sequence[Cutout],
    stars: int,
    told_by: str,
    picture: tuple[int, int],
) -> list[float]:
    """Scales by which objects are about as large as in their own pictures."""
    scales = []
    for cutout in cast:
        own = np.sqrt(picture[0] * picture[1] / (cutout.picture[0] * cutout.picture[1]))
        scales.append(_bounded(cutout, own * rng.uniform(0.7, 1.1), picture))
    if stars == 2:
        areas = [_area(c) * s**2 for c, s in zip(cast[:2], scales[:2], strict=True)]
        small = int(np.argmin(areas))
        if told_by == "size":
            wanted = max(areas) / rng.uniform(2.2, 3.5)
        else:  # of about one size, so that size does not give it away
            wanted = float(np.clip(areas[small], max(areas) / 1.5, None))
            small = small if wanted > areas[small] else -1
        if small >= 0:
            scales[small] = min(1.25, scales[small] * float(np.sqrt(wanted / areas[small])))
    return scales


def _area(cutout: Cutout) -> float:
    return float((cutout.rgba[..., 3] > 127).sum())


def _bounded(cutout: Cutout, scale: float, picture: tuple[int, int]) -> float:
    """`scale` within what fits the picture, and hardly above the photograph's own pixels."""
    height, width = cutout.size
    room = 0.75 * min(picture[0] / height, picture[1] / width)
    pixels = picture[0] * picture[1]
    low, high = (np.sqrt(share * pixels / _area(cutout)) for share in (_SMALLEST, _LARGEST))
    return float(min(max(scale, low), high, room, 1.25))


def _motions(rng: np.random.Generator, count: int, stars: int, told_by: str) -> list[str]:
    """What each does: left, right, up, down, still, or "drift" where nothing is said of it."""
    if told_by != "motion":
        return ["drift"] * count
    ways = ["left", "right", "still", "up", "down"]
    chances = [0.3, 0.3, 0.2, 0.1, 0.1]
    chosen = [ways[int(i)] for i in rng.choice(5, 2, replace=False, p=chances)][:stars]
    return chosen + ["still"] * (count - stars)


def _walk(
    rng: np.random.Generator,
    cutout: Cutout,
    scale: float,
    motion: str,
    third: bool | None,
    picture: tuple[int, int],
    frames: int,
) -> Placed | None:
    """A way through the picture; `third`: wholly on its left (False), on its right (True)."""
    height, width = picture
    times = np.linspace(-0.5, 0.5, frames)
    way = _way(rng, motion) * width
    half_h, half_w = (s * scale / 2 for s in cutout.size)
    reach_x = half_w + abs(way[0]) / 2 + _EDGE * width
    reach_y = half_h + abs(way[1]) / 2 + _EDGE * height
    low, high = reach_x, width - reach_x
    if third is not None:
        low, high = (max(low, 0.6 * width), high) if third else (low, min(high, 0.4 * width))
        if high < low:  # a wide object may lean out of its half, never out of the picture
            return None
    if high < low or height < 2 * reach_y:
        return None
    ground = cutout.base * height - half_h + rng.normal(0, 0.06) * height
    x, y = rng.uniform(low, high), float(np.clip(ground, reach_y, height - reach_y))
    path = np.array([x, y]) + np.outer(times, way)
    swing = 0.0 if motion == "still" else 1.0
    angle = swing * rng.uniform(0, 4) * np.sin(times * rng.uniform(4, 9) + rng.uniform(0, 6))
    grows = 0.02 if motion == "still" else 0.12
    sizes = scale * np.exp(rng.uniform(-grows, grows) * times)
    return Placed(cutout, path, sizes, angle, bool(rng.random() < 0.5))


def _way(rng: np.random.Generator, motion: str) -> Floats:
    """How far it goes from first to last frame, in widths of the picture."""
    far = rng.uniform(0.2, 0.36)
    aside = rng.uniform(-0.03, 0.03)
    known = {
        "left": (-far, aside),
        "right": (far, aside),
        "up": (aside, -far),
        "down": (aside, far),
        "still": (0.0, 0.0),
    }
    drift = (rng.uniform(-0.14, 0.14), rng.uniform(-0.04, 0.04))
    return np.asarray(known.get(motion, drift))


def _apart(one: Placed, other: Placed) -> bool:
    """Whether the boxes share little enough in every frame."""
    half_one = np.array(one.cutout.size[::-1]) * one.scale[0] / 2
    half_other = np.array(other.cutout.size[::-1]) * other.scale[0] / 2
    low = np.maximum(one.path - half_one, other.path - half_other)
    high = np.minimum(one.path + half_one, other.path + half_other)
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    smaller = 4 * min(half_one.prod(), half_other.prod())
    return bool((shared <= _APART * smaller).all())
