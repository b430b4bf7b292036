"""Colour words of the sample dataset and the pixel colours that they stand for.

The eight words keep their distance in hue and lightness, so that a person and a frozen
network agree on them under shading and texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RGB = tuple[float, float, float]

_BASE: dict[str, tuple[RGB, ...]] = {
    "red": ((206, 28, 34), (190, 20, 40)),
    "orange": ((242, 128, 16), (235, 115, 20)),
    "yellow": ((246, 216, 36), (240, 205, 20)),
    "green": ((44, 160, 56), (30, 140, 70)),
    "blue": ((36, 86, 208), (30, 110, 215)),
    "purple": ((132, 46, 176), (112, 50, 170)),
    "white": ((240, 240, 238), (232, 234, 240)),
    "black": ((40, 40, 44), (34, 34, 36)),
}
COLOURS: tuple[str, ...] = tuple(_BASE)

# Pairs whose members could be mistaken for each other on a shaded, textured surface.
_CLOSE = (
    {"red", "orange"},
    {"orange", "yellow"},
    {"blue", "purple"},
    {"yellow", "white"},
    {"purple", "black"},
)

_ACCENTS: tuple[RGB, ...] = (
    (214, 196, 160),
    (168, 148, 120),
    (120, 116, 112),
    (190, 190, 186),
    (96, 74, 58),
    (150, 110, 74),
)


@dataclass(frozen=True)
class Tint:
    """A colour word with the exact colour drawn, red, green, blue in 0..255."""

    word: str
    rgb: RGB


def draw_tint(rng: np.random.Generator, word: str) -> Tint:
    """A slightly varied pixel colour for a colour word."""
    base = _BASE[word][int(rng.integers(len(_BASE[word])))]
    # White and black must stay neutral: one jitter for all three channels.
    jitter = (
        rng.uniform(-9, 9, 3) if word not in ("white", "black") else rng.uniform(-8, 8, 1).repeat(3)
    )
    red, green, blue = (float(np.clip(b + j, 0, 255)) for b, j in zip(base, jitter, strict=True))
    return Tint(word, (red, green, blue))


def draw_accent(rng: np.random.Generator) -> RGB:
    """A muted colour for the parts that do not carry the colour word (skin, stems, roofs)."""
    base = _ACCENTS[int(rng.integers(len(_ACCENTS)))]
    red, green, blue = (float(np.clip(b + rng.uniform(-14, 14), 0, 255)) for b in base)
    return (red, green, blue)


def unlike(rng: np.random.Generator, word: str) -> str:
    """A colour word that cannot be mistaken for `word`."""
    choices = [c for c in COLOURS if c != word and {c, word} not in _CLOSE]
    return choices[int(rng.integers(len(choices)))]


def scaled(rgb: RGB, factor: float) -> RGB:
    """`rgb` darkened (factor below 1) or lightened towards white (factor above 1)."""
    if factor <= 1:
        return (rgb[0] * factor, rgb[1] * factor, rgb[2] * factor)
    mix = min(factor - 1, 1.0)
    return (
        rgb[0] + (255 - rgb[0]) * mix,
        rgb[1] + (255 - rgb[1]) * mix,
        rgb[2] + (255 - rgb[2]) * mix,
    )
