"""Placing the actors of a scene: paths by rejection until every rule of the scene holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stages.data.sample.scenes import (
    NEAR,
    TRAVEL,
    Actor,
    Brief,
    Scene,
    attribute_of,
    facing,
    plan_briefs,
    tilt_of,
)
from stages.data.sample.sprites import Sprite, draw_sprite

Path = NDArray[np.float64]
_TRIES = 60
_SHRINK = 0.95
# Of the videos told apart by colour or size, which are three fifths: one in twenty of all.
_CROSSING_SHARE = 0.1
_FIRST_CROSSING = 10  # earlier videos are the source of clips and support folders


def stage_scene(
    rng: np.random.Generator, category: str, index: int, frames: int, size: tuple[int, int]
) -> tuple[Scene, list[Sprite]]:
    """Plan video `index` of `category` for frames of `size` (width, height).

    Returns the scene and one sprite an actor, at its final pixel size.
    """
    light = (float(rng.choice((-0.7, 0.0, 0.7))), -0.75)
    twin, attribute = bool(index % 2), attribute_of(index)
    while True:
        leaves = index >= _FIRST_CROSSING and attribute in ("colour", "size")
        leaves = leaves and rng.random() < _CROSSING_SHARE
        briefs = plan_briefs(rng, category, index, crosses=leaves)
        mirrors = [facing(rng, brief) for brief in briefs]
        sprites = [
            draw_sprite(rng, brief.category, brief.tint.rgb, light, mirror=mirror)
            for brief, mirror in zip(briefs, mirrors, strict=True)
        ]
        tilts = [tilt_of(rng, brief.category) for brief in briefs]
        pan, zoom = _camera(rng, attribute, briefs)
        shrink = 1.0
        while shrink > 0.74:
            sized = [replace(b, long_side=b.long_side * shrink) for b in briefs]
            for _ in range(_TRIES):
                placed = _place_all(rng, sized, sprites, frames, size, pan, leaves)
                if placed is None:
                    continue
                actors = tuple(
                    Actor(
                        b.role, b.category, b.tint, b.long_side, b.motion, b.place, m, tilt, *walk
                    )
                    for b, m, tilt, walk in zip(sized, mirrors, tilts, placed, strict=True)
                )
                scene = Scene(attribute, twin, actors, pan, zoom)
                return scene, [s.scaled(b.long_side) for s, b in zip(sprites, sized, strict=True)]
            # A size word is absolute, so only scenes that do not use one may shrink.
            shrink = shrink * _SHRINK if attribute != "size" else 0.0


def _camera(
    rng: np.random.Generator, attribute: str, briefs: Sequence[Brief]
) -> tuple[tuple[float, float], float]:
    """Pan (px over the clip) and zoom; a still camera where words of motion must hold."""
    if attribute == "motion":
        return (float(rng.uniform(-1, 1)), 0.0), 1.0
    reach = 16.0 if all(b.motion in ("still", "jump") for b in briefs) else 6.0
    return (float(rng.uniform(-reach, reach)), float(rng.uniform(-3, 3))), float(
        rng.uniform(0.97, 1.05)
    )


def _place_all(
    rng: np.random.Generator, briefs: Sequence[Brief], sprites: Sequence[Sprite], frames: int,
    size: tuple[int, int], pan: tuple[float, float], leaves: bool,
) -> list[tuple[Path, Path]] | None:  # fmt: skip
    """A path and lift for every actor, or None where this draw breaks a rule."""
    placed: list[tuple[Path, Path]] = []
    boxes: list[tuple[Path, Path, str]] = []
    for position, (brief, sprite) in enumerate(zip(briefs, sprites, strict=True)):
        half = _half_extent(sprite, brief.long_side)
        for _ in range(12):
            if leaves and position == 0:
                path, lift = _crossing(rng, brief, half, frames, size)
            else:
                path, lift = _walk(rng, brief, half, frames, size, pan)
                if not _inside(path, half, size) or not _in_place(path, brief.place, size):
                    continue
            if all(
                _apart(path, half, other, extent, brief.role, role) for other, extent, role in boxes
            ):
                placed.append((path, lift))
                boxes.append((path, half, brief.role))
                break
        else:
            return None
    return placed


def _half_extent(sprite: Sprite, long_side: float) -> Path:
    if sprite.aspect >= 1:
        return np.array([long_side / 2, long_side / sprite.aspect / 2])
    return np.array([long_side * sprite.aspect / 2, long_side / 2])


def _walk(
    rng: np.random.Generator, brief: Brief, half: Path, frames: int, size: tuple[int, int],
    pan: tuple[float, float],
) -> tuple[Path, Path]:  # fmt: skip
    """Centres [T, 2] and lift [T]; `pan` moves everything that stands in the world."""
    width, height = size
    t = np.linspace(0, 1, frames)
    start = np.array(
        [rng.uniform(half[0], width - half[0]), rng.uniform(half[1] + 4, height - half[1])]
    )
    path = start + np.outer(t - 0.5, pan)
    lift = np.zeros(frames)
    if brief.motion in ("left", "right"):
        travel = float(rng.uniform(TRAVEL, 76)) + abs(pan[0])
        way = 1.0 if brief.motion == "right" else -1.0
        path[:, 0] += way * travel * (t - 0.5)
        path[:, 1] += float(rng.uniform(-6, 6)) * (t - 0.5) + 1.2 * np.sin(
            t * 9 + rng.uniform(0, 6)
        )
    elif brief.motion == "jump":
        hops = float(rng.choice((1.5, 2.0, 2.5)))
        lift = float(rng.uniform(20, 30)) * np.abs(np.sin(np.pi * hops * t))
        path[:, 1] += 12 - lift
    return path, lift


def _crossing(
    rng: np.random.Generator, brief: Brief, half: Path, frames: int, size: tuple[int, int]
) -> tuple[Path, Path]:
    """A path that enters late (or, reversed, leaves early): out of sight for two frames."""
    width, height = size
    way = 1.0 if brief.motion == "right" else -1.0
    t = np.clip((np.arange(frames) - 1) / max(frames - 2, 1), 0, 1)
    outside, inside = -half[0] - 4, float(rng.uniform(half[0] + 30, width * 0.6))
    enters = bool(rng.random() < 0.5)
    x = outside + (inside - outside) * (t if enters else t[::-1])
    # Entering on the left moves right; leaving on the left moves left. Mirror to match `way`.
    moves_right = enters
    x = x if (way > 0) == moves_right else width - 1 - x
    y = np.full(frames, float(rng.uniform(half[1] + 4, height - half[1])))
    return np.stack([x, y], 1), np.zeros(frames)


def _inside(path: Path, half: Path, size: tuple[int, int]) -> bool:
    slack = 0.06 * half
    low, high = (path - half).min(0), (path + half).max(0)
    return bool((low >= -slack).all() and (high <= np.array(size) - 1 + slack).all())


def _in_place(path: Path, place: str, size: tuple[int, int]) -> bool:
    """Whether the whole path lies where the word says; the middle fifth belongs to nobody."""
    across = path[:, 0] / size[0] if place in ("left", "right") else path[:, 1] / size[1]
    if place in ("left", "top"):
        return bool((across < NEAR).all())
    if place in ("right", "bottom"):
        return bool((across > 1 - NEAR).all())
    return True


def _apart(path: Path, half: Path, other: Path, extent: Path, role: str, other_role: str) -> bool:
    """Boxes that hardly touch; a distractor may pass a little in front of the others."""
    low = np.maximum(path - half, other - extent)
    high = np.minimum(path + half, other + extent)
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    smaller = 4 * min(half.prod(), extent.prod())
    allowed = 0.16 if "distractor" in (role, other_role) else 0.08
    return bool((shared <= allowed * smaller).all())
