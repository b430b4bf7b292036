"""Unnamed things that stand about in a place: rocks, bushes, crates, posts.

They are muted in colour and belong to no category: something to look at that no sentence means.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from stages.data.sample.backgrounds import Image, lump, vary
from stages.data.sample.colours import RGB

MOST = 4
_LEAF: tuple[RGB, ...] = ((86, 110, 66), (104, 116, 78), (72, 98, 76))
_ROCK: tuple[RGB, ...] = ((132, 128, 120), (150, 138, 122), (112, 114, 120))
_TIMBER: tuple[RGB, ...] = ((142, 112, 82), (120, 100, 80), (158, 136, 108))


def _tone(rng: np.random.Generator, tones: tuple[RGB, ...]) -> RGB:
    return vary(rng, tones[int(rng.integers(len(tones)))])


def _rock(rng: np.random.Generator, image: Image, x: float, y: float, tall: float) -> None:
    tone = _tone(rng, _ROCK)
    lump(rng, image, x, y - 0.3 * tall, 0.5 * tall, tone)
    lump(rng, image, x + 0.45 * tall, y - 0.16 * tall, 0.3 * tall, tone)


def _bush(rng: np.random.Generator, image: Image, x: float, y: float, tall: float) -> None:
    tone = _tone(rng, _LEAF)
    for _ in range(11):
        dx, dy = rng.uniform(-0.55, 0.55), rng.uniform(0.1, 0.8)
        size = tall * float(rng.uniform(0.14, 0.26))
        lump(rng, image, x + dx * tall * (1.1 - dy), y - dy * tall, size, vary(rng, tone, 10))


def _crate(rng: np.random.Generator, image: Image, x: float, y: float, tall: float) -> None:
    tone = _tone(rng, _TIMBER)
    dark = (tone[0] * 0.66, tone[1] * 0.66, tone[2] * 0.66)
    x0, x1, y0, y1 = round(x - tall * 0.5), round(x + tall * 0.5), round(y - tall * 0.8), round(y)
    cv2.rectangle(image, (x0, y0), (x1, y1), tone, -1)
    for k in (0.33, 0.66):
        row = round(y0 + k * (y1 - y0))
        cv2.line(image, (x0, row), (x1, row), dark, 1)
    cv2.rectangle(image, (x0, y0), (x1, y1), dark, 2)


def _post(rng: np.random.Generator, image: Image, x: float, y: float, tall: float) -> None:
    tone = _tone(rng, _TIMBER)
    wide = max(2, round(tall * 0.1))
    top = round(y - tall * 1.3)
    cv2.rectangle(image, (round(x) - wide, top), (round(x) + wide, round(y)), tone, -1)
    side = (tone[0] * 0.7, tone[1] * 0.7, tone[2] * 0.7)
    cv2.rectangle(image, (round(x) + wide // 2, top), (round(x) + wide, round(y)), side, -1)


_OUTDOORS = (_rock, _bush, _post, _rock, _bush)
_BUILT = (_crate, _post, _crate, _bush)
_BY_PLACE: dict[str, tuple[Callable[..., None], ...]] = {
    "underwater": (_rock, _bush),
    "sand": (_rock, _post, _bush),
    "room": (_crate,),
    "street": _BUILT,
    "plaza": _BUILT,
    "table": (_crate, _rock),
}


def scatter(rng: np.random.Generator, image: Image, place: str) -> None:
    """Stand up to four props on the ground of `image` [H, W, 3], the nearer the larger."""
    height, width = image.shape[:2]
    feet = np.sort(rng.uniform(0.46, 0.98, int(rng.integers(MOST + 1))))
    props = _BY_PLACE.get(place, _OUTDOORS)
    for foot in feet:
        y, tall = float(foot) * height, (10 + 34 * float(foot)) * float(rng.uniform(0.7, 1.2))
        x = float(rng.uniform(0.06, 0.94)) * width
        rows, cols = (
            slice(max(int(y) - 3, 0), int(y) + 4),
            slice(int(x - tall / 2), int(x + tall / 2)),
        )
        if cols.start >= 0:
            image[rows, cols] *= 0.8
        props[int(rng.integers(len(props)))](rng, image, x, y, tall)
