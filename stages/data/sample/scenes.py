"""What a video shows: which objects, how large, where, and how they move.

A scene is planned before anything is drawn. Its rules make both inputs necessary: the
distractors need the kind (they often share the target's attributes), the twin needs the
sentence (it differs from the target in the named attribute alone, as far as possible).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stages.data.sample.colours import COLOURS, Tint, draw_tint, unlike
from stages.data.sample.sprites import BY_NAME, fold_group

ATTRIBUTES = ("colour", "size", "colour", "position", "motion")  # colour twice: 40 %
PLACES_AT = ("left", "right", "top", "bottom")
MOTIONS = ("left", "right", "still", "jump")
TRAVEL = 42.0  # pixels that a mover covers at least
NEAR = 0.42  # share of the frame up to which something is on the left or at the top
BIG, SMALL = 84.0, 54.0  # an object this long or longer is big, this long or shorter is small


@dataclass(frozen=True)
class Actor:
    """One object of a scene; centres in frame pixels, `path` [T, 2] as x, y."""

    role: str  # target, twin or distractor
    category: str
    tint: Tint
    long_side: float
    motion: str  # one of MOTIONS, as seen relative to the frame
    place: str  # one of PLACES_AT, or "" where it does not matter
    mirror: bool
    tilt: float
    path: NDArray[np.float64] = field(repr=False)
    lift: NDArray[np.float64] = field(repr=False)  # [T] height above the ground in px


@dataclass(frozen=True)
class Scene:
    """The plan of a video. `attribute` is the one that the sentences name first."""

    attribute: str
    twin: bool
    actors: tuple[Actor, ...]
    pan: tuple[float, float]  # of the camera, pixels over the whole clip
    zoom: float  # scale at the last frame, the first has 1


@dataclass(frozen=True)
class Brief:
    """An actor before it has a path."""

    role: str
    category: str
    tint: Tint
    long_side: float
    motion: str
    place: str


def attribute_of(index: int) -> str:
    """Which attribute the sentences of video `index` name; in turn, for pairs of videos."""
    return ATTRIBUTES[(index // 2) % len(ATTRIBUTES)]


def plan_briefs(
    rng: np.random.Generator, category: str, index: int, *, crosses: bool = False
) -> list[Brief]:
    """The actors of a video: target, twin in odd videos, one or two distractors.

    A target that crosses the frame's edge moves to the left or to the right.
    """
    attribute = attribute_of(index)
    target = _target(rng, category, attribute)
    if crosses:
        target = replace(target, motion=_pick(rng, ("left", "right")))
    briefs = [target]
    if index % 2:
        briefs.append(_twin(rng, target, attribute))
    others = [c for c in fold_group(category) if c != category]
    count = 2 if rng.random() < (0.1 if index % 2 else 0.3) else 1
    picked = rng.permutation(len(others))[:count]
    briefs += [_distractor(rng, others[int(k)], briefs, attribute) for k in picked]
    return briefs


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _target(rng: np.random.Generator, category: str, attribute: str) -> Brief:
    tint = draw_tint(rng, _pick(rng, COLOURS))
    long_side = float(rng.uniform(58, 78))
    if attribute == "size":
        long_side = float(rng.uniform(86, 98) if rng.random() < 0.5 else rng.uniform(48, 53))
    motion = _pick(rng, MOTIONS) if attribute == "motion" else _pick(rng, (*MOTIONS, "still"))
    place = _pick(rng, PLACES_AT) if attribute == "position" else ""
    return Brief("target", category, tint, long_side, motion, place)


def _twin(rng: np.random.Generator, target: Brief, attribute: str) -> Brief:
    """Like the target in everything but the named attribute."""
    tint = Tint(target.tint.word, draw_tint(rng, target.tint.word).rgb)
    long_side = target.long_side * float(rng.uniform(0.94, 1.06))
    motion, place = target.motion, ""
    if attribute == "colour":
        tint = draw_tint(rng, unlike(rng, target.tint.word))
        motion = motion if rng.random() < 0.6 else _pick(rng, MOTIONS)
    elif attribute == "size":
        big = target.long_side > 70
        long_side = float(rng.uniform(48, 53) if big else rng.uniform(86, 98))
    elif attribute == "position":
        place = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[target.place]
    else:
        motion = _pick(rng, tuple(m for m in MOTIONS if m != target.motion))
    return Brief("twin", target.category, tint, long_side, motion, place)


def _distractor(
    rng: np.random.Generator, category: str, briefs: list[Brief], attribute: str
) -> Brief:
    """Another kind; in six of ten cases with the target's colour and its other attributes."""
    target = briefs[0]
    if rng.random() < 0.62:
        tint = draw_tint(rng, target.tint.word)
        long_side = target.long_side * float(rng.uniform(0.92, 1.08))
        return Brief("distractor", category, tint, long_side, target.motion, target.place)
    model = briefs[-1] if rng.random() < 0.5 else target
    word = model.tint.word if model is not target else unlike(rng, target.tint.word)
    long_side = float(rng.uniform(54, 82))
    return Brief("distractor", category, draw_tint(rng, word), long_side, _pick(rng, MOTIONS), "")


def facing(rng: np.random.Generator, brief: Brief) -> bool:
    """Whether the sprite, drawn facing right, is mirrored: movers look where they go."""
    if brief.motion in ("left", "right"):
        return brief.motion == "left"
    return bool(rng.random() < 0.5)


def tilt_of(rng: np.random.Generator, category: str) -> float:
    """A small turn in degrees."""
    spread = (
        9.0 if BY_NAME[category].alive or category in ("guitar", "airplane", "umbrella") else 4.0
    )
    return float(rng.uniform(-spread, spread))
