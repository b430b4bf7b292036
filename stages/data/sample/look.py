"""The appearance of one drawn object: what stays the same through its clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.data.sample.colours import RGB, draw_accent, scaled
from stages.data.sample.textures import TEXTURES, paint


@dataclass(frozen=True)
class Look:
    """`body` paint [S, S, 3] and `rgb` in the colour of the sentence; `v` proportions in -1..1."""

    body: NDArray[np.float32]
    rgb: RGB
    accent: RGB
    v: tuple[float, ...]
    texture: str
    light: tuple[float, float]

    def shade_of_body(self, factor: float) -> NDArray[np.float32]:
        """The body's paint, darker (below 1) or lighter (above 1)."""
        return np.asarray(np.clip(self.body * np.float32(factor), 0, 255), np.float32)

    @property
    def dark(self) -> RGB:
        """For lines on the body: darker than it, or lighter where it is nearly black."""
        black = sum(self.rgb) < 210
        return scaled(self.rgb, 1.3 if black else 0.42)

    @property
    def pale(self) -> RGB:
        """A lighter tone of the body, for bellies and muzzles."""
        return scaled(self.rgb, 1.22 if sum(self.rgb) < 210 else 1.4)


def draw_look(rng: np.random.Generator, rgb: RGB, light: tuple[float, float], size: int) -> Look:
    """A random appearance in the colour `rgb`, for a canvas of `size` pixels."""
    texture = TEXTURES[int(rng.integers(len(TEXTURES)))]
    accent = draw_accent(rng)
    v = tuple(float(x) for x in rng.uniform(-1, 1, 6))
    return Look(paint(rng, texture, rgb, size), rgb, accent, v, texture, light)
