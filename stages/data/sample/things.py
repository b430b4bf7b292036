"""How the things that neither live nor drive are drawn; conventions as in `animals`."""

from __future__ import annotations

import numpy as np

from stages.data.sample.canvas import Canvas, Points, ellipse, polygon, smooth, turned
from stages.data.sample.colours import scaled
from stages.data.sample.look import Look

_GLASS = (168.0, 206.0, 226.0)
_STEEL = (176.0, 178.0, 184.0)
_CREAM = (238.0, 228.0, 204.0)
_LAMP = (250.0, 226.0, 120.0)
_WOOD = (132.0, 90.0, 54.0)


def umbrella(c: Canvas, look: Look, phase: float) -> None:
    """Open canopy of panels with a scalloped hem, shaft and hooked handle."""
    tall = 0.72 + 0.1 * look.v[0]
    c.stroke([(0, -0.9), (0, 0.72)], 0.06, _WOOD)
    t = np.linspace(0, np.pi, 10)
    hook = np.stack([0.15 - 0.15 * np.cos(t), 0.72 + 0.18 * np.sin(t)], 1)
    c.stroke(hook, 0.085, look.accent)
    hem = 0.02
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 6)) * 0.97
    arc = np.linspace(np.pi, 0, 30)
    dome = np.stack([0.97 * np.cos(arc), hem - tall * np.sin(arc)], 1)
    lower: list[Points] = []
    for right, left in zip(edges[:0:-1], edges[-2::-1], strict=True):
        u = np.linspace(0, 1, 8)
        drop = hem - 0.12 * np.sin(np.pi * u)
        lower.append(np.stack([right + (left - right) * u, drop], 1))
    c.fill(np.concatenate([dome, *lower]), look.body, shade=0.6)
    for k in range(5):
        if k % 2 == 0:
            continue
        side = np.linspace(0, 1, 12)
        left = np.stack(
            [edges[k] * np.sin(side * np.pi / 2), hem - tall * np.cos(side * np.pi / 2)], 1
        )
        right = np.stack(
            [edges[k + 1] * np.sin(side * np.pi / 2), hem - tall * np.cos(side * np.pi / 2)], 1
        )
        u = np.linspace(0, 1, 8)
        foot = np.stack(
            [edges[k] + (edges[k + 1] - edges[k]) * u, hem - 0.12 * np.sin(np.pi * u)], 1
        )
        c.fill(
            np.concatenate([left, foot, right[::-1]]), look.shade_of_body(0.8), shade=0.35, rim=0.1
        )
    for edge in edges[1:-1]:
        side = np.linspace(0, 1, 12)
        rib = np.stack([edge * np.sin(side * np.pi / 2), hem - tall * np.cos(side * np.pi / 2)], 1)
        c.stroke(rib, 0.022, look.dark, shade=0, rim=0)
    c.stroke([(0, hem - tall), (0, hem - tall - 0.12)], 0.06, _STEEL)


def mushroom(c: Canvas, look: Look, phase: float) -> None:
    """Domed cap with pale warts over gills, stout stem with a ring."""
    wide, tall = 0.88 + 0.08 * look.v[0], 0.72 + 0.12 * look.v[1]
    stem = 0.2 + 0.05 * look.v[2]
    c.fill(smooth((-stem, -0.1), (stem, -0.1), (stem + 0.02, 0.5), (stem + 0.14, 0.88), (0, 0.95),
                  (-stem - 0.14, 0.88), (-stem - 0.02, 0.5)), _CREAM, shade=0.6)  # fmt: skip
    c.fill(smooth((-stem - 0.1, 0.36), (0, 0.26), (stem + 0.1, 0.36), (0, 0.46)),
           (222.0, 208.0, 178.0), shade=0.4)  # fmt: skip
    c.fill(ellipse(0, 0.02, wide * 0.92, 0.17), (216.0, 196.0, 166.0), shade=0.2)
    for k in np.linspace(-0.85, 0.85, 13):
        c.stroke([(0.25 * k, 0.0), (wide * k * 0.96, 0.06 + 0.08 * (1 - k * k))], 0.015,
                 (160.0, 138.0, 112.0), shade=0, rim=0)  # fmt: skip
    c.fill(
        smooth(
            (-wide, 0.04),
            (-wide * 0.86, -tall * 0.6),
            (-0.34, -tall - 0.1),
            (0.34, -tall - 0.1),
            (wide * 0.86, -tall * 0.6),
            (wide, 0.04),
            (wide * 0.5, -0.04),
            (0, -0.08),
            (-wide * 0.5, -0.04),
        ),
        look.body,
        shade=0.75,
    )
    wart = _CREAM if sum(look.rgb) < 660 else (206.0, 176.0, 140.0)
    for x, y, r in (
        (-0.5, -0.34, 0.11),
        (0.02, -0.58, 0.13),
        (0.5, -0.36, 0.12),
        (-0.14, -0.22, 0.1),
        (0.26, -0.14, 0.07),
        (-0.66, -0.1, 0.06),
        (0.7, -0.1, 0.06),
    ):
        c.fill(ellipse(x + 0.03 * look.v[3], y * (tall / 0.72), r, r * 0.8), wart, shade=0.4)


def house(c: Canvas, look: Look, phase: float) -> None:
    """Walls, pitched tiled roof, chimney, door and two windows."""
    wide, peak = 0.72 + 0.08 * look.v[0], -0.88 + 0.08 * look.v[1]
    roof = scaled(look.accent, 0.7)
    c.fill(
        polygon((0.34, -0.86), (0.54, -0.86), (0.54, -0.3), (0.34, -0.3)),
        (150.0, 84.0, 66.0),
        shade=0.3,
    )
    c.fill(
        polygon((0.3, -0.93), (0.58, -0.93), (0.58, -0.84), (0.3, -0.84)),
        (110.0, 66.0, 54.0),
        shade=0.2,
    )
    c.fill(polygon((-wide, -0.2), (0, peak + 0.1), (wide, -0.2), (wide, 0.9), (-wide, 0.9)),
           look.body, shade=0.35)  # fmt: skip
    for side in (-1, 1):
        c.fill(
            polygon(
                (0, peak - 0.08),
                ((wide + 0.22) * side, -0.14),
                ((wide + 0.14) * side, 0.02),
                (0, peak + 0.14),
            ),
            roof,
            shade=0.3,
        )
    c.fill(ellipse(0, -0.3, 0.12, 0.12), _CREAM, shade=0.2)
    c.fill(ellipse(0, -0.3, 0.08, 0.08), _GLASS, shade=0.2)
    door = 0.0 if look.v[2] < 0.3 else 0.36
    for x in (-0.42, 0.42) if door == 0 else (-0.42, -0.02):
        c.fill(
            polygon((x - 0.18, 0.08), (x + 0.18, 0.08), (x + 0.18, 0.46), (x - 0.18, 0.46)),
            _CREAM,
            shade=0.1,
        )
        c.fill(
            polygon((x - 0.14, 0.12), (x + 0.14, 0.12), (x + 0.14, 0.42), (x - 0.14, 0.42)),
            _GLASS,
            shade=0.2,
        )
        c.stroke([(x, 0.12), (x, 0.42)], 0.03, _CREAM, shade=0, rim=0)
        c.stroke([(x - 0.14, 0.27), (x + 0.14, 0.27)], 0.03, _CREAM, shade=0, rim=0)
    c.fill(
        polygon((door - 0.15, 0.34), (door + 0.15, 0.34), (door + 0.15, 0.9), (door - 0.15, 0.9)),
        _WOOD,
        shade=0.3,
    )
    c.fill(ellipse(door + 0.09, 0.64, 0.03, 0.03), _LAMP, shade=0)
    c.stroke([(-wide, 0.88), (wide, 0.88)], 0.06, (120.0, 114.0, 106.0), shade=0.2)


def cup(c: Canvas, look: Look, phase: float) -> None:
    """Mug seen from slightly above: round rim, dark drink, handle at the right."""
    wide, low = 0.56 + 0.05 * look.v[0], 0.8 + 0.06 * look.v[1]
    t = np.linspace(-1.75, 1.75, 22)
    ear = np.stack([wide * 0.9 + 0.36 * np.cos(t), 0.1 + 0.36 * np.sin(t)], 1) - (0.14, 0)
    c.stroke(ear, 0.14, look.shade_of_body(0.86), shade=0.6)
    foot = wide * (0.8 + 0.12 * look.v[2])
    bend = np.linspace(0, np.pi, 16)
    base = np.stack([foot * np.cos(bend), low - 0.12 + 0.16 * np.sin(bend)], 1)
    side = np.concatenate([polygon((-wide, -0.56), (wide, -0.56)), base]) - (0.14, 0)
    c.fill(side, look.body, shade=0.75, rim=0.25)
    for y in (0.36, 0.48):
        band = np.stack([wide * 0.92 * np.cos(bend), y + 0.13 * np.sin(bend)], 1) - (0.14, 0)
        c.stroke(band, 0.045, look.dark if look.v[3] < 0 else look.pale, shade=0, rim=0)
    c.fill(ellipse(-0.14, -0.56, wide, 0.2), look.pale, shade=0.2)
    c.fill(ellipse(-0.14, -0.55, wide * 0.86, 0.145), look.shade_of_body(0.55), shade=0.2)
    c.fill(ellipse(-0.14, -0.51, wide * 0.78, 0.1), (74.0, 44.0, 28.0), shade=0.1)


def guitar(c: Canvas, look: Look, phase: float) -> None:
    """Waisted body with a round hole, bridge and strings, long neck, pegs."""
    tilt = 34 + 12 * look.v[0]
    waist = 0.27 + 0.03 * look.v[1]

    def place(points: Points) -> Points:
        return turned(points + (0, -0.06), tilt)

    c.fill(
        place(polygon((-0.1, -1.02), (0.1, -1.02), (0.08, -0.76), (-0.08, -0.76))), _WOOD, shade=0.3
    )
    for y in (-0.97, -0.89, -0.81):
        for x in (-0.14, 0.14):
            c.fill(place(ellipse(x, y, 0.04, 0.03)), _STEEL, shade=0.3)
    c.fill(
        place(
            smooth(
                (0, -0.1),
                (0.3, -0.04),
                (0.34, 0.18),
                (waist, 0.34),
                (0.46, 0.62),
                (0.4, 0.94),
                (0, 1.06),
                (-0.4, 0.94),
                (-0.46, 0.62),
                (-waist, 0.34),
                (-0.34, 0.18),
                (-0.3, -0.04),
            )
        ),
        look.body,
        shade=0.65,
        rim=0.35,
    )
    c.fill(
        place(polygon((-0.065, -0.78), (0.065, -0.78), (0.075, 0.2), (-0.075, 0.2))),
        (84.0, 56.0, 38.0),
        shade=0.2,
    )
    for y in np.linspace(-0.7, 0.0, 8):
        c.stroke(place(np.array([[-0.065, y], [0.065, y]])), 0.014, _STEEL, shade=0, rim=0)
    c.fill(place(ellipse(0, 0.36, 0.165, 0.165)), _CREAM, shade=0)
    c.fill(place(ellipse(0, 0.36, 0.13, 0.13)), (30.0, 22.0, 18.0), shade=0)
    c.fill(
        place(polygon((-0.2, 0.74), (0.2, 0.74), (0.2, 0.82), (-0.2, 0.82))),
        (60.0, 40.0, 28.0),
        shade=0.2,
    )
    for x in (-0.045, 0.0, 0.045):
        c.stroke(
            place(np.array([[x, -0.95], [x, 0.78]])), 0.01, (232.0, 228.0, 214.0), shade=0, rim=0
        )
