"""Colour words that a person would give to an object's pixels, measured in CIELAB.

Words hold cores of lightness, chroma and hue with gaps between them: a pixel in a gap has no word,
so that only objects of a plain colour get one. Hues are angles of CIELAB's a and b, in degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class _Core:
    """Where a word holds: lightness 0..100, chroma, hue (may pass 360)."""

    word: str
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    hue: tuple[float, float]


_ANY = (0.0, 360.0)
_CORES = (
    _Core("black", (0, 24), (0, 11), _ANY),
    _Core("grey", (36, 70), (0, 7), _ANY),
    _Core("white", (80, 101), (0, 10), _ANY),
    _Core("red", (22, 62), (36, 150), (14, 43)),
    _Core("pink", (55, 90), (16, 80), (335, 375)),
    _Core("brown", (14, 55), (12, 42), (44, 82)),
    _Core("orange", (56, 85), (48, 150), (48, 72)),
    _Core("yellow", (66, 101), (42, 150), (80, 104)),
    _Core("green", (20, 90), (18, 150), (112, 172)),
    _Core("blue", (14, 80), (18, 150), (245, 300)),
    _Core("purple", (14, 70), (20, 150), (308, 332)),
)
COLOUR_WORDS = tuple(core.word for core in _CORES)
# What might be said of the same pixels by another person.
_NEAR: Mapping[str, tuple[str, ...]] = {
    "black": ("grey",),
    "grey": ("black", "white"),
    "white": ("grey",),
    "red": ("pink", "orange", "brown"),
    "pink": ("red", "purple"),
    "brown": ("orange", "red"),
    "orange": ("brown", "red", "yellow"),
    "yellow": ("orange", "green"),
    "green": ("yellow",),
    "blue": ("purple",),
    "purple": ("blue", "pink"),
}
CLEAR = 0.6  # share of an object's pixels from which it has a colour
FAINT = 0.15  # share of a colour and its neighbours under which an object has nothing of it
_LEAST_PIXELS = 60


def colour_shares(pixels: NDArray[np.uint8]) -> Mapping[str, float]:
    """The share of RGB `pixels` [N, 3] that each word holds; empty for too few pixels."""
    if len(pixels) < _LEAST_PIXELS:
        return {}
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0]
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    return {core.word: float(_inside(core, light, chroma, hue).mean()) for core in _CORES}


def _inside(
    core: _Core,
    light: NDArray[np.float32],
    chroma: NDArray[np.float32],
    hue: NDArray[np.float32],
) -> NDArray[np.bool_]:
    low, high = core.hue
    turned = (hue - low) % 360 <= high - low
    return np.asarray(
        (light >= core.lightness[0])
        & (light < core.lightness[1])
        & (chroma >= core.chroma[0])
        & (chroma < core.chroma[1])
        & turned
    )


def clear_colour(shares: Mapping[str, float]) -> str:
    """The word for an object of these shares, or nothing where it has no clear colour."""
    word = max(shares, key=lambda w: shares[w], default="")
    return word if word and shares[word] >= CLEAR else ""


def lacks_colour(shares: Mapping[str, float], word: str) -> bool:
    """Whether nobody would call an object of these shares `word`. False where nothing is known."""
    return bool(shares) and sum(shares[w] for w in (word, *_NEAR[word])) < FAINT + _doubt(
        shares, word
    )


def _doubt(shares: Mapping[str, float], word: str) -> float:
    """An object of a clear other colour may have a little more of the word's neighbours."""
    clear = clear_colour(shares)
    return 0.1 if clear and clear != word and clear not in _NEAR[word] else 0.0


def is_colourless(pictures: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether RGB pictures [H, W, 3] are black and white, or toned: no word of colour is safe."""
    chromas = []
    for picture in pictures:
        lab = cv2.cvtColor(picture[::4, ::4].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        chromas.append(lab[..., 1:].reshape(-1, 2))
    spread = np.concatenate(chromas).std(0)
    return bool(spread.max() < 3.5)
