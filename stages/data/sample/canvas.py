"""A small drawing surface: anti-aliased parts that are lit, rimmed and layered.

Coordinates run from -1 to 1, x to the right, y down. Each part is shaded as if it bulged
towards the viewer: a blurred copy of its own mask serves as its height field.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.sample.colours import RGB

Points = NDArray[np.float64]
Paint = RGB | NDArray[np.float32]
_SHIFT = 4  # fractional bits of cv2's polygon coordinates


def ellipse(cx: float, cy: float, rx: float, ry: float, tilt: float = 0.0) -> Points:
    """Outline [N, 2] of an ellipse; `tilt` in degrees, clockwise."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return turned(np.stack([rx * np.cos(t), ry * np.sin(t)], 1), tilt) + (cx, cy)


def turned(points: Points, degrees: float) -> Points:
    """`points` turned about the origin, clockwise on the screen."""
    a = np.deg2rad(degrees)
    return np.asarray(points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]))


def polygon(*corners: tuple[float, float]) -> Points:
    """Outline with straight edges."""
    return np.array(corners, np.float64)


def smooth(*knots: tuple[float, float]) -> Points:
    """Closed Catmull-Rom curve through the knots, [10 N, 2]."""
    p = np.array(knots, np.float64)
    before, after, far = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, 10, endpoint=False)[None, :, None]
    a, b, c, d = before[:, None], p[:, None], after[:, None], far[:, None]
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return np.asarray(curve.reshape(-1, 2))


def rounded(x0: float, y0: float, x1: float, y1: float, radius: float) -> Points:
    """Rectangle with round corners."""
    t = np.linspace(0, np.pi / 2, 6)
    corners = []
    for k, (cx, cy) in enumerate(
        [
            (x1 - radius, y1 - radius),
            (x0 + radius, y1 - radius),
            (x0 + radius, y0 + radius),
            (x1 - radius, y0 + radius),
        ]
    ):
        a = t + k * np.pi / 2
        corners.append(np.stack([cx + radius * np.cos(a), cy + radius * np.sin(a)], 1))
    return np.concatenate(corners)


class Canvas:
    """RGBA surface of `size` x `size` pixels that parts are laid on, back to front."""

    def __init__(self, size: int, light: tuple[float, float]) -> None:
        self.size = size
        self.rgb = np.zeros((size, size, 3), np.float32)
        self.alpha = np.zeros((size, size), np.float32)
        self._light = light
        self._unit = size * 0.46

    def fill(self, outline: Points, paint: Paint, *, shade: float = 0.5, rim: float = 0.3) -> None:
        """Lay a filled part; `shade` 0..1 is how much it bulges, `rim` how dark its edge is."""
        fixed = np.round(self._pixels(outline) * 2**_SHIFT).astype(np.int32)
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
        self._lay(mask, self._pixels(outline), paint, shade, rim)

    def stroke(
        self, line: Sequence[tuple[float, float]] | Points, width: float, paint: Paint,
        *, shade: float = 0.3, rim: float = 0.15,
    ) -> None:  # fmt: skip
        """Lay a line of `width` (canvas units) with round ends."""
        pixels = self._pixels(np.asarray(line, np.float64))
        mask = np.zeros((self.size, self.size), np.uint8)
        thickness = max(1, round(width * self._unit))
        fixed = np.round(pixels * 2**_SHIFT).astype(np.int32)
        cv2.polylines(mask, [fixed], False, 255, thickness, cv2.LINE_AA, _SHIFT)
        margin = np.array([[-thickness, -thickness], [thickness, thickness]], np.float64)
        around = np.concatenate([pixels + m for m in margin])
        self._lay(mask, around, paint, shade, rim)

    def rgba(self) -> NDArray[np.uint8]:
        """The surface as [size, size, 4] with colour premultiplied by alpha."""
        out = np.concatenate([self.rgb * self.alpha[..., None], self.alpha[..., None] * 255], 2)
        return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8)

    def _pixels(self, points: Points) -> Points:
        return np.asarray(points * self._unit + (self.size - 1) / 2)

    def _lay(
        self, mask: NDArray[np.uint8], reach: Points, paint: Paint, shade: float, rim: float
    ) -> None:
        low = np.clip(np.floor(reach.min(0)).astype(int) - 3, 0, self.size - 1)
        high = np.clip(np.ceil(reach.max(0)).astype(int) + 4, 1, self.size)
        window = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        cover = mask[window].astype(np.float32) / np.float32(255)
        if isinstance(paint, tuple):
            colour = np.broadcast_to(np.array(paint, np.float32), (*cover.shape, 3))
        else:
            colour = paint[window]
        lit = self._lit(cover, colour, shade, rim)
        under = self.rgb[window]
        # Where nothing lies below, the part's own colour must reach its soft edge undimmed.
        weight = np.where(self.alpha[window] > 0, cover, (cover > 0).astype(np.float32))[..., None]
        self.rgb[window] = under + (lit - under) * weight
        self.alpha[window] = np.maximum(self.alpha[window], cover)

    def _lit(
        self, cover: NDArray[np.float32], colour: NDArray[np.float32], shade: float, rim: float
    ) -> NDArray[np.float32]:
        """Colour after light: a slope towards the light is brighter, the edge is darker."""
        if shade == 0 and rim == 0:
            return np.asarray(colour, np.float32)
        reach = max(3, int(0.34 * min(cover.shape)))
        border = cv2.BORDER_CONSTANT
        height = cv2.blur(cover, (reach, reach), borderType=border)
        height = cv2.blur(height, (reach, reach), borderType=border)
        step = max(1, reach // 3)
        slope_x = np.roll(height, -step, 1) - np.roll(height, step, 1)
        slope_y = np.roll(height, -step, 0) - np.roll(height, step, 0)
        # Height falls away from the middle, so a surface facing the light has a negative slope.
        facing = -(slope_x * np.float32(self._light[0]) + slope_y * np.float32(self._light[1]))
        facing = np.clip(facing * 1.6, -1, 1)
        edge = np.clip((0.62 - height) * 2.4, 0, 1)
        gain = 1 + shade * 0.75 * facing - rim * edge
        glow = shade * 60 * np.clip(facing - 0.25, 0, 1)
        lit = colour * gain[..., None] + glow[..., None]
        return np.asarray(np.clip(lit, 0, 255), np.float32)
