"""Surface textures: a whole canvas of paint in tones of one colour.

A texture never changes the hue, so that the colour word stays true.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.sample.colours import RGB, scaled

TEXTURES: tuple[str, ...] = ("plain", "plain", "stripes", "spots", "checks", "speckle", "bands")


def value_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3
) -> NDArray[np.float32]:
    """Smooth noise [H, W], mean about 0, range about -1..1; `cell` is the coarsest grain in px."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        rows, cols = int(height / step) + 3, int(width / step) + 3
        grid = rng.uniform(-1, 1, (rows, cols)).astype(np.float32)
        big = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        total += weight * big
        norm += weight
        weight *= 0.55
    return total / np.float32(norm)


def paint(rng: np.random.Generator, name: str, rgb: RGB, size: int) -> NDArray[np.float32]:
    """Paint [size, size, 3] of texture `name` in tones of `rgb`, 0..255."""
    bright = (rgb[0] + rgb[1] + rgb[2]) / 3
    dark_tone = bright < 70
    other = np.array(scaled(rgb, 1.24 if dark_tone else float(rng.uniform(0.62, 0.76))), np.float32)
    amount = _pattern(rng, name, size)
    base = np.array(rgb, np.float32)
    out = base + (other - base) * amount[..., None]
    grain = value_noise(rng, (size, size), 24, 2)
    return np.asarray(out * (1 + 0.07 * grain[..., None]), np.float32)


def _pattern(rng: np.random.Generator, name: str, size: int) -> NDArray[np.float32]:
    """Share of the second tone at every pixel, [size, size] in 0..1."""
    if name == "plain":
        return np.zeros((size, size), np.float32)
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = float(rng.uniform(0, np.pi))
    along = cols * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    across = rows * np.float32(np.cos(angle)) - cols * np.float32(np.sin(angle))
    period = float(rng.uniform(26, 44))
    if name == "stripes":
        return _steep(np.sin(along * np.float32(2 * np.pi / period)))
    if name == "bands":
        wobble = 8 * value_noise(rng, (size, size), 60, 2)
        return _steep(np.sin((rows + wobble) * np.float32(2 * np.pi / (period * 1.3))) - 0.2)
    if name == "checks":
        frequency = np.float32(2 * np.pi / (period * 1.2))
        return _steep(np.sin(along * frequency) * np.sin(across * frequency) * 3)
    if name == "spots":
        return _spots(rng, size)
    if name == "speckle":
        return _steep(2.5 * value_noise(rng, (size, size), 14, 2) - 0.6)
    raise ValueError(f"no texture named {name}")


def _spots(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    out = np.zeros((size, size), np.uint8)
    step = int(rng.integers(26, 40))
    radius = step * float(rng.uniform(0.24, 0.34))
    for row in range(0, size + step, step):
        shift = step // 2 if (row // step) % 2 else 0
        for col in range(0, size + step, step):
            centre = (
                int(col + shift + rng.uniform(-4, 4)),
                int(row + rng.uniform(-4, 4)),
            )
            cv2.circle(out, centre, int(radius * rng.uniform(0.8, 1.2)), 255, -1, cv2.LINE_AA)
    return out.astype(np.float32) / np.float32(255)


def _steep(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.clip(values * 4 + 0.5, 0, 1), np.float32)
