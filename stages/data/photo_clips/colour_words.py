"""Colour words that a person would give to an object's pixels, measured in CIELAB.

A word holds a core of lightness, chroma and hue, narrow enough that people agree on it, so that
only objects of a plain colour get one; and a wider reach, in which somebody might use it. There is
no grey: in a photograph it cannot be told from white in the shade. Hues are angles of CIELAB's a
and b, in degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Core:
    """Where a word holds: lightness 0..100, chroma, hue (may pass 360)."""

    word: str
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    hue: tuple[float, float]

    def holds(self, light: Floats, chroma: Floats, hue: Floats) -> NDArray[np.bool_]:
        """Which pixels [N] lie in it."""
        low, high = self.hue
        return np.asarray(
            (light >= self.lightness[0])
            & (light < self.lightness[1])
            & (chroma >= self.chroma[0])
            & (chroma < self.chroma[1])
            & ((hue - low) % 360 <= high - low)
        )

    def widened(self) -> _Core:
        """Where somebody might use the word."""
        colourless = self.chroma[0] == 0
        low, high = self.hue
        return _Core(
            self.word,
            (self.lightness[0] - 16, self.lightness[1] + 16),
            (0, self.chroma[1] * 2.5) if colourless else (self.chroma[0] * 0.5, 200),
            self.hue if colourless else (low - 15, high + 15),
        )


_ANY = (0.0, 360.0)
_CORES = (
    _Core("black", (0, 13), (0, 4.5), _ANY),
    _Core("white", (82, 101), (0, 9), _ANY),
    _Core("red", (22, 60), (40, 200), (16, 42)),
    _Core("pink", (55, 88), (20, 70), (335, 372)),
    _Core("brown", (14, 44), (16, 45), (44, 78)),
    _Core("orange", (58, 85), (52, 200), (50, 70)),
    _Core("yellow", (70, 101), (48, 200), (82, 102)),
    _Core("green", (22, 88), (22, 200), (112, 165)),
    _Core("blue", (18, 75), (24, 200), (250, 298)),
    _Core("purple", (18, 65), (24, 200), (308, 332)),
)
COLOUR_WORDS = tuple(core.word for core in _CORES)
_CLEAR = 0.6  # share of an object's pixels in a core, from which it has that colour
_FAINT = 0.2  # share of its pixels in a word's reach, under which nobody would use the word
_LEAST_PIXELS = 60


@dataclass(frozen=True)
class Colours:
    """For each word, the share of an object's pixels in its core and in its wider reach."""

    core: Mapping[str, float]
    reach: Mapping[str, float]

    @property
    def clear(self) -> str:
        """The word for the object, or nothing where it has no clear colour."""
        word = max(self.core, key=lambda w: self.core[w], default="")
        return word if word and self.core[word] >= _CLEAR else ""

    def lacks(self, word: str) -> bool:
        """Whether nobody would call the object `word`; False where nothing is known of it."""
        return bool(self.reach) and self.reach[word] < _FAINT


UNKNOWN = Colours({}, {})


def measure_colours(pixels: NDArray[np.uint8]) -> Colours:
    """The colours of RGB `pixels` [N, 3]; unknown for too few of them."""
    if len(pixels) < _LEAST_PIXELS:
        return UNKNOWN
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0]
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    return Colours(
        {c.word: float(c.holds(light, chroma, hue).mean()) for c in _CORES},
        {c.word: float(c.widened().holds(light, chroma, hue).mean()) for c in _CORES},
    )


def is_colourless(pictures: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether RGB pictures [H, W, 3] are black and white, or toned: no word of colour is safe."""
    chromas = []
    for picture in pictures:
        lab = cv2.cvtColor(picture[::4, ::4].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        chromas.append(lab[..., 1:].reshape(-1, 2))
    spread = np.concatenate(chromas).std(0)
    return bool(spread.max() < 3.5)
