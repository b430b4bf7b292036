"""How the animals are drawn: side views that face right, from parametric parts.

`look.body` is paint in the colour of the sentence, `look.accent` a muted second colour,
`look.v` random proportions in -1..1, and `phase` in -1..1 the pose.
"""

from __future__ import annotations

import numpy as np

from stages.data.sample.canvas import Canvas, ellipse, polygon, smooth, turned
from stages.data.sample.look import Look

_DARK = (26.0, 24.0, 26.0)
_WHITE = (246.0, 246.0, 242.0)
_PINK = (236.0, 158.0, 164.0)
_BEAK = (238.0, 158.0, 44.0)


def _eye(c: Canvas, x: float, y: float, r: float) -> None:
    c.fill(ellipse(x, y, r, r), _WHITE, shade=0.1)
    c.fill(ellipse(x + r * 0.25, y, r * 0.6, r * 0.65), _DARK, shade=0)
    c.fill(ellipse(x + r * 0.4, y - r * 0.25, r * 0.2, r * 0.2), _WHITE, shade=0, rim=0)


def fish(c: Canvas, look: Look, phase: float) -> None:
    """Oval body, forked tail, fins, gill and scales."""
    tall = 0.42 + 0.07 * look.v[0]
    swing, reach = 0.1 * phase, 0.95 - 0.1 * abs(phase)
    tail = polygon((-0.42, 0), (-reach, -0.46), (-reach + 0.2, swing), (-reach, 0.46))
    c.fill(tail, look.shade_of_body(0.86), shade=0.3)
    for k in (-0.5, -0.2, 0.2, 0.5):
        c.stroke([(-0.5, 0.2 * k), (-reach + 0.08, 0.7 * k)], 0.02, look.dark, shade=0)
    c.fill(smooth((-0.25, -0.25), (-0.1, -tall - 0.25), (0.2, -tall - 0.2), (0.42, -0.25)),
           look.shade_of_body(0.82), shade=0.3)  # fmt: skip
    c.fill(smooth((-0.1, 0.25), (-0.05, tall + 0.2), (0.12, tall + 0.16), (0.2, 0.25)),
           look.shade_of_body(0.82), shade=0.3)  # fmt: skip
    c.fill(smooth((0.9, 0.03), (0.62, -tall * 0.72), (0.15, -tall), (-0.3, -tall * 0.55),
                  (-0.6, -0.07), (-0.6, 0.07), (-0.3, tall * 0.55), (0.15, tall),
                  (0.62, tall * 0.74)), look.body, shade=0.6)  # fmt: skip
    for col in range(5):
        for row in range(-2, 3):
            x, y = -0.36 + 0.15 * col, row * tall * 0.3 + (0.05 if col % 2 else 0)
            if abs(y) < tall * (0.42 + 0.07 * col):
                t = np.linspace(-1.2, 1.2, 7)
                arc = np.stack([x - 0.075 * np.cos(t), y + 0.075 * np.sin(t)], 1)
                c.stroke(arc, 0.018, look.dark, shade=0, rim=0)
    t = np.linspace(-1.0, 1.0, 9)
    c.stroke(np.stack([0.36 + 0.1 * np.cos(t), tall * 0.75 * np.sin(t)], 1), 0.035, look.dark)
    c.fill(turned(smooth((0, -0.06), (-0.32, -0.02), (-0.34, 0.14), (-0.05, 0.1)), 12 * phase)
           + (0.34, 0.12), look.shade_of_body(0.75), shade=0.3)  # fmt: skip
    _eye(c, 0.62, -0.1, 0.1)
    c.stroke([(0.88, 0.1), (0.74, 0.14)], 0.03, _DARK, shade=0)


def rabbit(c: Canvas, look: Look, phase: float) -> None:
    """Round back, two long upright ears, puff tail, long hind foot."""
    ear, lean = 0.6 + 0.08 * look.v[0], 8 * look.v[1] + 6 * phase
    plump = 0.44 + 0.05 * look.v[2]
    for tilt, base, tone in ((-4.0, 0.5, 0.72), (-20.0, 0.36, 1.0)):
        outline = ellipse(0, -ear * 0.5, 0.125, ear * 0.55)
        c.fill(turned(outline, tilt + lean) + (base, -0.36), look.shade_of_body(tone), shade=0.5)
        inner = ellipse(0, -ear * 0.5, 0.06, ear * 0.4)
        c.fill(turned(inner, tilt + lean) + (base, -0.36), _PINK, shade=0.2, rim=0.1)
    c.fill(ellipse(-0.78, 0.4, 0.16, 0.15), _WHITE, shade=0.5)
    c.fill(ellipse(0.3 + 0.1 * phase, 0.72, 0.14, 0.2), look.shade_of_body(0.8))
    c.fill(smooth((0.34, -0.06), (-0.1, 0.06 - plump * 0.5), (-0.5, 0.0), (-0.76, 0.42),
                  (-0.6, 0.84), (0.0, 0.86), (0.36, 0.72), (0.5, 0.3)), look.body,
           shade=0.7)  # fmt: skip
    c.fill(ellipse(-0.38, 0.52, 0.3, 0.28, -20), look.shade_of_body(0.94), shade=0.5)
    c.fill(ellipse(-0.3 - 0.06 * phase, 0.84, 0.36, 0.1), look.shade_of_body(0.9), shade=0.4)
    c.fill(ellipse(0.36 + 0.08 * phase, 0.82, 0.2, 0.09), look.shade_of_body(0.95), shade=0.4)
    c.fill(ellipse(0.52, -0.2, 0.34, 0.29, 12), look.body, shade=0.6)
    c.fill(ellipse(0.72, -0.08, 0.14, 0.12), look.pale, shade=0.4, rim=0.1)
    _eye(c, 0.6, -0.26, 0.085)
    c.fill(ellipse(0.85, -0.14, 0.05, 0.04), _PINK, shade=0.2)
    for y in (-0.06, 0.02):
        c.stroke([(0.74, -0.06), (0.98, y)], 0.015, _DARK, shade=0, rim=0)


def bird(c: Canvas, look: Look, phase: float) -> None:
    """Round body, beak, fan tail, a feathered wing, two thin legs."""
    round_ = 0.36 + 0.04 * look.v[0]
    for x in (-0.08, 0.14):
        foot = x + 0.06 * phase * (1 if x > 0 else -1)
        c.stroke([(x, 0.3), (foot, 0.84)], 0.05, _BEAK)
        for toe in (-0.1, 0.04, 0.16):
            c.stroke([(foot, 0.84), (foot + toe, 0.92)], 0.04, _BEAK)
    for k, tone in ((-8, 0.7), (2, 0.85), (12, 0.75)):
        feather = turned(ellipse(-0.3, 0, 0.34, 0.08), k - 22 + 5 * look.v[1])
        c.fill(feather + (-0.42, 0.14), look.shade_of_body(tone), shade=0.3)
    c.fill(smooth((0.5, -0.52), (0.2, -0.4), (-0.2, -0.18), (-0.62, 0.14), (-0.2, round_),
                  (0.24, round_), (0.52, 0.02), (0.68, -0.28)), look.body, shade=0.7)  # fmt: skip
    c.fill(ellipse(0.46, -0.42, 0.26, 0.25), look.body, shade=0.6)
    c.fill(ellipse(0.26, 0.16, 0.24, 0.2, -35), look.pale, shade=0.4, rim=0.05)
    c.fill(polygon((0.68, -0.5), (0.99, -0.38), (0.68, -0.3)), _BEAK, shade=0.4)
    c.stroke([(0.68, -0.39), (0.95, -0.38)], 0.02, _DARK, shade=0)
    _eye(c, 0.54, -0.47, 0.075)
    lift = 24 - 62 * max(phase, 0.0)
    for k, tone in ((16, 0.62), (8, 0.74), (0, 0.66)):
        wing = smooth((0.1, -0.08), (-0.3, -0.16), (-0.72, 0.02), (-0.3, 0.17), (0.06, 0.14))
        c.fill(turned(wing, -lift + k) + (0.12, -0.06), look.shade_of_body(tone), shade=0.4)


def turtle(c: Canvas, look: Look, phase: float) -> None:
    """Domed shell with plates, stubby legs, head on a neck."""
    dome = 0.62 + 0.08 * look.v[0]
    skin = look.accent
    c.fill(polygon((-0.68, 0.28), (-0.98, 0.42), (-0.66, 0.42)), skin)
    for x, way in ((-0.46, 1), (0.4, -1)):
        for side, tone in ((0.1, 0.8), (-0.06, 1.0)):
            leg = smooth((-0.12, -0.12), (0.14, -0.12), (0.13, 0.26), (-0.12, 0.26))
            moved = turned(leg, 16 * phase * way * (1 if tone == 1 else -1))
            c.fill(moved + (x + side, 0.4), tuple(v * tone for v in skin), shade=0.5)  # type: ignore[arg-type]
    bob = 0.04 * phase
    c.fill(smooth((0.5, 0.2), (0.66, -0.04 + bob), (0.86, -0.16 + bob), (0.98, -0.04 + bob),
                  (0.92, 0.1 + bob), (0.76, 0.16), (0.6, 0.36)), skin, shade=0.5)  # fmt: skip
    _eye(c, 0.86, -0.05 + bob, 0.06)
    c.stroke([(0.96, 0.05 + bob), (0.84, 0.07 + bob)], 0.02, _DARK, shade=0)
    top = 0.3 - dome
    c.fill(smooth((-0.76, 0.34), (-0.66, 0.0), (-0.36, top * 0.86), (0.0, top), (0.34, top * 0.86),
                  (0.6, 0.0), (0.68, 0.34), (0.0, 0.42)), look.body, shade=0.75)  # fmt: skip
    for x0 in (-0.34, 0.0, 0.34):
        hexagon = turned(ellipse(0, 0, 0.18, 0.2)[::7], 8 * look.v[1])
        drop = 0.12 if x0 else 0.0
        plate = np.concatenate([hexagon, hexagon[:1]]) + (x0, top * 0.42 + drop)
        c.stroke(plate, 0.035, look.dark, shade=0)
    for x0, x1, y in (
        (-0.5, -0.66, 0.16),
        (0.5, 0.6, 0.16),
        (-0.17, -0.2, 0.34),
        (0.17, 0.2, 0.34),
    ):
        c.stroke([(x0 * 0.9, y - 0.12), (x1, y + 0.1)], 0.03, look.dark, shade=0)
    rim = smooth((-0.8, 0.3), (0.0, 0.36), (0.72, 0.3), (0.7, 0.42), (0.0, 0.48), (-0.78, 0.42))
    c.fill(rim, look.shade_of_body(0.7), shade=0.4)


def butterfly(c: Canvas, look: Look, phase: float) -> None:
    """Two pairs of wings seen from above, dark margins and eye spots, feelers."""
    spread = 0.82 + 0.16 * phase
    low = 0.62 + 0.08 * look.v[0]
    for side in (-1, 1):

        def wing(*knots: tuple[float, float], side: int = side) -> np.ndarray:
            return smooth(*((x * side * spread, y) for x, y in knots))

        hind = ((0.06, 0.0), (0.5, 0.06), (0.74, 0.36), (0.5, low), (0.22, 0.56))
        fore = ((0.05, -0.1), (0.34, -0.62), (0.8, -0.82), (0.98, -0.56), (0.84, -0.06), (0.4, 0.1))
        for knots, hub in ((hind, (0.36, 0.3)), (fore, (0.52, -0.38))):
            c.fill(wing(*knots), look.dark, shade=0.2)
            inner = tuple(
                (hub[0] + (x - hub[0]) * 0.8, hub[1] + (y - hub[1]) * 0.8) for x, y in knots
            )
            c.fill(wing(*inner), look.body, shade=0.4, rim=0.1)
            for x, y in inner[2:5]:
                c.stroke([(0.06 * side, -0.02), (x * side * spread, y)], 0.016, look.dark, shade=0)
            spot = (hub[0] + 0.16) * side * spread
            c.fill(ellipse(spot, hub[1], 0.1 * spread, 0.1), look.dark, shade=0)
            c.fill(ellipse(spot, hub[1], 0.055 * spread, 0.055), look.pale, shade=0, rim=0)
        c.stroke([(0.02 * side, -0.42), (0.1 * side, -0.7), (0.24 * side, -0.86)], 0.025, _DARK)
        c.fill(ellipse(0.24 * side, -0.87, 0.04, 0.04), _DARK)
    c.fill(ellipse(0, 0.12, 0.07, 0.44), (70.0, 52.0, 40.0), shade=0.6)
    c.fill(ellipse(0, -0.4, 0.085, 0.09), (58.0, 44.0, 36.0), shade=0.6)


def cat(c: Canvas, look: Look, phase: float) -> None:
    """Sitting cat: round head with pointed ears and whiskers, curling tail."""
    plump = 0.4 + 0.05 * look.v[0]
    t = np.linspace(0, 1, 14)
    curl = 0.12 * phase
    tail = np.stack(
        [-0.3 - 0.5 * np.sin(t * 2.2), 0.76 - 0.95 * t + 0.1 * np.sin(5 * t) + curl * t], 1
    )
    c.stroke(tail, 0.15, look.shade_of_body(0.86), shade=0.5)
    c.fill(smooth((0.12, -0.2), (-plump, 0.2), (-plump - 0.1, 0.66), (-0.3, 0.9), (0.3, 0.9),
                  (0.46, 0.5), (0.4, 0.0)), look.body, shade=0.7)  # fmt: skip
    c.fill(ellipse(-0.26, 0.7, 0.24, 0.2), look.shade_of_body(0.92), shade=0.5)
    c.fill(ellipse(0.18, 0.3, 0.16, 0.26), look.pale, shade=0.3, rim=0.05)
    for x in (0.1, 0.32):
        c.fill(smooth((x - 0.09, 0.3), (x + 0.09, 0.3), (x + 0.1, 0.86), (x - 0.1, 0.86)),
               look.shade_of_body(0.96), shade=0.5)  # fmt: skip
        c.fill(ellipse(x + 0.02, 0.88, 0.12, 0.07), look.pale, shade=0.4)
    for side in (-1, 1):
        ear = polygon((0.04 * side, -0.62), (0.36 * side, -0.99), (0.38 * side, -0.44))
        c.fill(ear + (0.22, 0.02), look.body, shade=0.4)
        inner = polygon((0.14 * side, -0.66), (0.32 * side, -0.88), (0.33 * side, -0.56))
        c.fill(inner + (0.22, 0.02), _PINK, shade=0.1, rim=0.1)
    c.fill(ellipse(0.22, -0.38, 0.42, 0.34), look.body, shade=0.6)
    for k in (-0.1, 0.0, 0.1):
        c.stroke([(0.22 + k, -0.68), (0.22 + k * 0.8, -0.54)], 0.04, look.dark, shade=0)
    c.fill(ellipse(0.22, -0.24, 0.18, 0.13), look.pale, shade=0.3, rim=0.05)
    for side in (-1, 1):
        x = 0.22 + 0.17 * side
        c.fill(ellipse(x, -0.4, 0.09, 0.08), (150.0, 200.0, 90.0), shade=0.1)
        c.fill(ellipse(x, -0.4, 0.03, 0.075), _DARK, shade=0, rim=0)
        for y in (-0.3, -0.22, -0.15):
            c.stroke(
                [(0.22 + 0.1 * side, -0.24), (0.22 + 0.5 * side, y)], 0.014, _DARK, shade=0, rim=0
            )
    c.fill(polygon((0.17, -0.31), (0.27, -0.31), (0.22, -0.25)), _PINK, shade=0)
    c.stroke([(0.15, -0.17), (0.22, -0.22), (0.29, -0.17)], 0.02, _DARK, shade=0)


def snail(c: Canvas, look: Look, phase: float) -> None:
    """Coiled shell on a long foot, two eye stalks."""
    skin = look.accent
    stretch = 0.05 * phase
    c.fill(smooth((-0.96 - stretch, 0.8), (-0.5, 0.5), (0.3, 0.5), (0.5, 0.2), (0.6, -0.12),
                  (0.84, -0.16), (0.94, 0.04), (0.84, 0.4), (0.78, 0.7), (0.6, 0.84), (-0.3, 0.86)),
           skin, shade=0.6)  # fmt: skip
    for x, tip in ((0.66, 0.56), (0.84, 0.94)):
        c.stroke([(x, -0.08), (tip + stretch, -0.56)], 0.06, skin)
        _eye(c, tip + stretch, -0.6, 0.075)
    c.stroke([(0.9, 0.16), (0.8, 0.2)], 0.025, _DARK, shade=0)
    big = 0.6 + 0.05 * look.v[0]
    c.fill(ellipse(-0.14, 0.04, big, big * 0.96), look.body, shade=0.75)
    t = np.linspace(0.4, 4.6 * np.pi, 90)
    radius = big * 0.9 * (1 - t / (5.0 * np.pi))
    coil = np.stack([-0.14 + radius * np.cos(t + 1.2), 0.04 + radius * 0.96 * np.sin(t + 1.2)], 1)
    c.stroke(coil, 0.06, look.dark, shade=0)
