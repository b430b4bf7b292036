"""How the vehicles are drawn: side views that face right; conventions as in `animals`."""

from __future__ import annotations

import numpy as np

from stages.data.sample.canvas import Canvas, Points, ellipse, polygon, rounded, smooth, turned
from stages.data.sample.look import Look

_DARK = (28.0, 28.0, 32.0)
_GLASS = (168.0, 206.0, 226.0)
_STEEL = (176.0, 178.0, 184.0)
_CREAM = (238.0, 228.0, 204.0)
_LAMP = (250.0, 226.0, 120.0)
_WOOD = (132.0, 90.0, 54.0)


def _wheel(c: Canvas, x: float, y: float, r: float) -> None:
    c.fill(ellipse(x, y, r, r), _DARK, shade=0.4)
    c.fill(ellipse(x, y, r * 0.55, r * 0.55), _STEEL, shade=0.5)
    for k in range(5):
        spoke = turned(np.array([[0, 0], [0, -r * 0.5]]), 72 * k) + (x, y)
        c.stroke(spoke, 0.025, (90.0, 90.0, 96.0), shade=0, rim=0)
    c.fill(ellipse(x, y, r * 0.15, r * 0.15), _DARK, shade=0)


def car(c: Canvas, look: Look, phase: float) -> None:
    """Low body with bonnet and boot, cabin with two windows, two wheels."""
    roof, back = -0.42 - 0.06 * look.v[0], -0.66 + 0.08 * look.v[1]
    c.fill(smooth((back, 0.04), (back + 0.18, roof * 0.9), (-0.2, roof), (0.16, roof),
                  (0.38, roof * 0.7), (0.6, 0.04)), look.body, shade=0.5)  # fmt: skip
    c.fill(smooth((-0.97, 0.1), (-0.9, -0.04), (-0.4, -0.1), (0.5, -0.08), (0.88, 0.02),
                  (0.98, 0.16), (0.96, 0.36), (0.5, 0.42), (-0.5, 0.42), (-0.95, 0.36)), look.body,
           shade=0.6)  # fmt: skip
    c.fill(polygon((back + 0.12, -0.06), (back + 0.26, roof * 0.8), (-0.13, roof * 0.84),
                   (-0.13, -0.06)), _GLASS, shade=0.3)  # fmt: skip
    c.fill(polygon((-0.06, -0.06), (-0.06, roof * 0.84), (0.16, roof * 0.8), (0.4, -0.06)), _GLASS,
           shade=0.3)  # fmt: skip
    for x in (back + 0.08, -0.1, 0.44):
        c.stroke([(x, -0.02), (x + 0.02, 0.34)], 0.02, look.dark, shade=0, rim=0)
    c.stroke([(0.04, 0.06), (0.16, 0.06)], 0.035, _STEEL, shade=0.2)
    c.stroke([(-0.92, 0.35), (0.94, 0.35)], 0.06, (70.0, 70.0, 76.0), shade=0.3)
    c.fill(ellipse(0.88, 0.12, 0.08, 0.07), _LAMP, shade=0.2)
    c.fill(ellipse(-0.92, 0.12, 0.05, 0.07), (200.0, 40.0, 40.0), shade=0.2)
    for x in (-0.54, 0.54):
        c.fill(ellipse(x, 0.36, 0.27, 0.27), (50.0, 50.0, 54.0), shade=0)
        _wheel(c, x, 0.4, 0.22 + 0.01 * look.v[2])


def bus(c: Canvas, look: Look, phase: float) -> None:
    """Long upright box with a row of windows, a door and a windscreen."""
    top = -0.52 - 0.05 * look.v[0]
    c.fill(rounded(-0.98, top, 0.98, 0.42, 0.1), look.body, shade=0.5)
    c.stroke([(-0.94, top + 0.05), (0.92, top + 0.05)], 0.06, look.shade_of_body(1.15), shade=0)
    count = 5 if look.v[1] < 0 else 4
    span = 1.36 / count
    for k in range(count):
        x = -0.9 + k * span
        c.fill(rounded(x, top + 0.14, x + span - 0.06, -0.06, 0.04), _GLASS, shade=0.3)
        c.stroke([(x + 0.04, -0.12), (x + span * 0.4, top + 0.2)], 0.02, (226.0, 240.0, 248.0),
                 shade=0, rim=0)  # fmt: skip
    c.fill(rounded(0.5, top + 0.14, 0.72, 0.36, 0.03), (108.0, 142.0, 160.0), shade=0.3)
    c.stroke([(0.61, top + 0.16), (0.61, 0.35)], 0.025, _DARK, shade=0, rim=0)
    c.fill(rounded(0.78, top + 0.12, 0.95, 0.04, 0.04), _GLASS, shade=0.3)
    c.stroke([(-0.96, 0.08), (0.46, 0.08)], 0.05, look.dark, shade=0, rim=0)
    c.fill(ellipse(0.91, 0.22, 0.05, 0.06), _LAMP, shade=0.2)
    c.stroke([(-0.96, 0.37), (0.96, 0.37)], 0.07, (70.0, 70.0, 76.0), shade=0.3)
    for x in (-0.58, 0.3):
        c.fill(ellipse(x, 0.38, 0.23, 0.22), (48.0, 48.0, 52.0), shade=0)
        _wheel(c, x, 0.42, 0.18)


def boat(c: Canvas, look: Look, phase: float) -> None:
    """Sailing boat: curved hull with portholes, mast, two sails, pennant."""
    lean = 4 * phase
    tall = 0.92 + 0.05 * look.v[0]
    c.stroke([(-0.05, 0.4), (-0.05, -tall)], 0.06, _WOOD)
    main = smooth((-0.12, -tall + 0.1), (-0.5, -0.2), (-0.78, 0.26), (-0.4, 0.3), (-0.12, 0.28))
    c.fill(main, look.shade_of_body(0.98), shade=0.5)
    for y in (-0.3, 0.0):
        c.stroke([(-0.14, y), (-0.42 - 0.5 * (y + 0.3), y + 0.04)], 0.02, look.dark, shade=0, rim=0)
    jib = smooth((0.02, -tall + 0.24), (0.36, -0.16), (0.66, 0.28), (0.3, 0.26), (0.04, 0.26))
    c.fill(jib, _CREAM, shade=0.4)
    c.stroke([(0.08, 0.0), (0.48, 0.06)], 0.05, look.body, shade=0, rim=0)
    c.fill(
        polygon((-0.05, -tall), (-0.05, -tall + 0.14), (0.24, -tall + 0.07)), look.body, shade=0.2
    )
    hull = smooth((-0.94, 0.4), (0.0, 0.46), (0.98, 0.34), (0.8, 0.62), (0.5, 0.86), (-0.4, 0.88),
                  (-0.76, 0.7))  # fmt: skip
    c.fill(turned(hull, 0.3 * lean), look.body, shade=0.6)
    c.stroke(
        turned(polygon((-0.9, 0.44), (0.0, 0.5), (0.92, 0.4)), 0.3 * lean), 0.07, _CREAM, shade=0.2
    )
    for x in (-0.4, -0.05, 0.3):
        c.fill(ellipse(x, 0.65, 0.085, 0.085), _CREAM, shade=0.3)
        c.fill(ellipse(x, 0.65, 0.05, 0.05), (60.0, 84.0, 104.0), shade=0.2)


def airplane(c: Canvas, look: Look, phase: float) -> None:
    """Fuselage with a row of windows, swept wings, tail fin, engines."""
    sweep = 0.08 * look.v[0]
    tilt = -8 + 4 * look.v[1]

    def place(points: Points) -> Points:
        return turned(points, tilt)

    far = look.shade_of_body(0.68)
    c.fill(
        place(polygon((0.2, -0.06), (-0.1, -0.06), (-0.42 + sweep, -0.5), (-0.28 + sweep, -0.5))),
        far,
    )
    c.fill(
        place(polygon((-0.62, -0.06), (-0.9, -0.62), (-0.7, -0.62), (-0.38, -0.08))),
        look.shade_of_body(0.85),
    )
    c.fill(place(polygon((-0.66, -0.02), (-0.96, -0.2), (-0.84, -0.22), (-0.52, -0.06))), far)
    c.fill(place(smooth((0.97, 0.06), (0.8, -0.1), (0.4, -0.17), (-0.4, -0.15), (-0.94, -0.1),
                        (-0.92, -0.03), (-0.4, 0.14), (0.4, 0.19), (0.8, 0.17))), look.body,
           shade=0.7)  # fmt: skip
    c.stroke(place(np.array([[-0.8, 0.0], [0.86, 0.06]])), 0.03, look.dark, shade=0, rim=0)
    for x in np.arange(-0.46, 0.62, 0.12):
        c.fill(place(ellipse(float(x), -0.06, 0.034, 0.04)), (70.0, 96.0, 120.0), shade=0)
    c.fill(
        place(polygon((0.72, -0.1), (0.84, -0.06), (0.86, 0.0), (0.7, -0.01))), _GLASS, shade=0.2
    )
    c.fill(place(rounded(-0.02, 0.22, 0.28, 0.38, 0.07)), _STEEL, shade=0.6)
    c.fill(place(ellipse(0.27, 0.3, 0.03, 0.075)), _DARK, shade=0)
    c.fill(place(polygon((0.3, 0.06), (-0.12, 0.08), (-0.62 + sweep, 0.62), (-0.44 + sweep, 0.64))),
           look.shade_of_body(0.9), shade=0.4)  # fmt: skip
    c.stroke(
        place(np.array([[-0.05, 0.14], [-0.5 + sweep, 0.6]])), 0.025, look.dark, shade=0, rim=0
    )
    c.fill(
        place(polygon((-0.6, 0.0), (-0.94, 0.2), (-0.8, 0.22), (-0.46, 0.03))),
        look.shade_of_body(0.85),
    )
