"""The sixteen categories and their sprites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.sample import animals, things, vehicles
from stages.data.sample.canvas import Canvas
from stages.data.sample.colours import RGB
from stages.data.sample.look import Look, draw_look

CANVAS = 256


@dataclass(frozen=True)
class Kind:
    """A category: how it is drawn and which words describe its motion."""

    name: str
    draw: Callable[[Canvas, Look, float], None]
    poses: tuple[float, ...]  # phases, cycled through the clip
    going: str  # participle of its movement across the picture
    resting: str
    hopping: str
    alive: bool
    hover: float = 0.0  # px between its lower edge and the ground below


_STILL = (0.0,)
_SWING = (-1.0, 0.0, 1.0, 0.0)
_JUMP, _BOUNCE = "jumping up and down", "bouncing up and down"
_REST = "standing still"

# The order decides the folds: test classes of fold g are the ids with (id - 1) mod 4 == g - 1,
# so each column below is one fold's four unseen categories.
KINDS: tuple[Kind, ...] = (
    Kind("fish", animals.fish, _SWING, "swimming", _REST, _JUMP, True, 8),
    Kind("bird", animals.bird, _SWING, "walking", _REST, _JUMP, True),
    Kind("butterfly", animals.butterfly, _SWING, "flying", _REST, _JUMP, True, 14),
    Kind("snail", animals.snail, _SWING, "crawling", _REST, _JUMP, True),
    Kind("car", vehicles.car, _STILL, "driving", "parked", _BOUNCE, False),
    Kind("boat", vehicles.boat, _SWING, "sailing", _REST, _BOUNCE, False),
    Kind("airplane", vehicles.airplane, _STILL, "flying", _REST, _BOUNCE, False, 18),
    Kind("bus", vehicles.bus, _STILL, "driving", "parked", _BOUNCE, False),
    Kind("umbrella", things.umbrella, _STILL, "moving", _REST, _BOUNCE, False),
    Kind("mushroom", things.mushroom, _STILL, "moving", _REST, _BOUNCE, False),
    Kind("house", things.house, _STILL, "moving", _REST, _BOUNCE, False),
    Kind("cup", things.cup, _STILL, "sliding", _REST, _BOUNCE, False),
    Kind("rabbit", animals.rabbit, _SWING, "running", _REST, _JUMP, True),
    Kind("turtle", animals.turtle, _SWING, "walking", _REST, _JUMP, True),
    Kind("cat", animals.cat, _SWING, "moving", "sitting still", _JUMP, True),
    Kind("guitar", things.guitar, _STILL, "moving", _REST, _BOUNCE, False),
)
CATEGORIES: tuple[str, ...] = tuple(kind.name for kind in KINDS)
BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}


def fold_group(category: str) -> tuple[str, ...]:
    """The four categories that are unseen together with `category`."""
    return CATEGORIES[CATEGORIES.index(category) % 4 :: 4]


@dataclass(frozen=True)
class Sprite:
    """Poses of one object, each [h, w, 4] premultiplied RGBA of one size."""

    poses: tuple[NDArray[np.uint8], ...]

    @property
    def aspect(self) -> float:
        """Width over height."""
        height, width = self.poses[0].shape[:2]
        return width / height

    def scaled(self, long_side: float) -> Sprite:
        """The sprite with its longer side `long_side` pixels."""
        height, width = self.poses[0].shape[:2]
        factor = long_side / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        return Sprite(tuple(cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in self.poses))


def draw_sprite(
    rng: np.random.Generator, category: str, rgb: RGB, light: tuple[float, float], *, mirror: bool
) -> Sprite:
    """A new individual of `category` in colour `rgb`, facing right, or left where mirrored."""
    kind = BY_NAME[category]
    towards = (-light[0], light[1]) if mirror else light
    look = draw_look(rng, rgb, towards, CANVAS)
    drawn: dict[float, NDArray[np.uint8]] = {}
    for phase in sorted(set(kind.poses)):
        canvas = Canvas(CANVAS, towards)
        kind.draw(canvas, look, phase)
        drawn[phase] = canvas.rgba()
    box = _common_box(list(drawn.values()))
    cut = {phase: pose[box] for phase, pose in drawn.items()}
    if mirror:
        cut = {phase: np.ascontiguousarray(pose[:, ::-1]) for phase, pose in cut.items()}
    return Sprite(tuple(cut[phase] for phase in kind.poses))


def _common_box(poses: list[NDArray[np.uint8]]) -> tuple[slice, slice]:
    covered = np.max([pose[..., 3] for pose in poses], axis=0) > 8
    rows, cols = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
