"""Clips of cut-outs set into another photograph, each with its own motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.camera import Image8, draw_camera, draw_light
from stages.data.photo_clips.clip import (
    ClipSettings,
    PhotoClip,
    frame_size,
    paint,
    speak,
    working_side,
)
from stages.data.photo_clips.cutouts import Cutout, cut_out
from stages.data.photo_clips.photographs import Outline, Photograph, read_pixels
from stages.data.photo_clips.placing import TOLD_BY, Placed, place
from stages.data.photo_clips.sightings import Track

_TRIES = 14
_STUBBORN = 5  # tries with the attribute asked for; then those that hang on no material
_CUTOUTS = 3  # of the material given, that are used
_IN_SIGHT = 0.55  # of a target or its twin that shows in every frame
_BESIDE = 0.25  # the same of other objects


@dataclass(frozen=True)
class Scenery:
    """What a composed clip may be made of.

    `actors` are outlines of the target kind, `extras` of others, and `backgrounds` photographs
    without the target kind; `twins` says whether two of the kind are set in, and `told_by` which
    attribute is to tell them apart.
    """

    kind: str
    twins: bool
    told_by: str
    actors: tuple[tuple[Photograph, Outline], ...]
    extras: tuple[tuple[Photograph, Outline], ...]
    backgrounds: tuple[Photograph, ...]


def compose(rng: np.random.Generator, scenery: Scenery, settings: ClipSettings) -> PhotoClip | None:
    """A clip; None where no try of several gives one whose objects show and can be told apart."""
    side = working_side(settings.longer_side)
    actors = _cut(scenery.actors, side)
    extras = _cut(scenery.extras, side)
    if not actors:
        return None
    for attempt in range(_TRIES):
        told_by = scenery.told_by if attempt < _STUBBORN else TOLD_BY[attempt % 3]
        background = scenery.backgrounds[int(rng.integers(len(scenery.backgrounds)))]
        cast = _cast(rng, scenery, actors, extras, background)
        clip = _shoot(rng, background, cast, replace(scenery, told_by=told_by), settings)
        if clip is not None:
            return clip
    return None


def _cut(pairs: Sequence[tuple[Photograph, Outline]], longer_side: int) -> list[Cutout]:
    """The first few objects that can be cut out."""
    made = (cut_out(photo, outline, longer_side) for photo, outline in pairs)
    return list(islice((cutout for cutout in made if cutout is not None), _CUTOUTS))


def _cast(
    rng: np.random.Generator,
    scenery: Scenery,
    actors: Sequence[Cutout],
    extras: Sequence[Cutout],
    background: Photograph,
) -> list[Cutout]:
    """The target, its twin, and up to two others of kinds that the background does not show."""
    order = [actors[int(i)] for i in rng.permutation(len(actors))]
    cast = (order * 2)[:2] if scenery.twins else order[:1]
    fitting = [c for c in extras if c.kind not in background.kinds and c.kind != scenery.kind]
    kinds: set[str] = set()
    for i in rng.permutation(len(fitting))[: int(rng.integers(0, 3))]:
        if fitting[int(i)].kind not in kinds:
            cast.append(fitting[int(i)])
            kinds.add(fitting[int(i)].kind)
    return cast


def _shoot(
    rng: np.random.Generator,
    background: Photograph,
    cast: list[Cutout],
    scenery: Scenery,
    settings: ClipSettings,
) -> PhotoClip | None:
    picture = read_pixels(background, (), working_side(settings.longer_side)).rgb
    size = picture.shape[:2]
    stars = 2 if scenery.twins else 1
    placed = place(rng, cast, stars, scenery.told_by, size, settings.frames)
    if placed is None:
        return None
    still = scenery.told_by == "motion"
    frame = frame_size(size, settings.longer_side)
    middle = (size[1] / 2, size[0] / 2)
    camera = draw_camera(
        rng, size, frame, settings.frames, reach=0.08 if still else 0.7, focus=middle
    )
    light = draw_light(rng, settings.frames)
    order = [int(i) for i in rng.permutation(len(placed))]
    gains = [_match(picture, one) for one in placed]
    frames: list[Image8] = []
    seen = np.zeros((len(placed), settings.frames, *frame), bool)
    for t in range(settings.frames):
        stage, alphas = _stage(picture, placed, gains, order, t)
        frames.append(light.fall(t, camera.look(t, stage)))
        for i, alpha in enumerate(alphas):
            seen[i, t] = camera.look_at_mask(t, alpha > 0.5)
    tracks = [
        Track(i + 1, placed[i].cutout.kind, seen[i], seen[i], moves=True)
        for i in order
    ]  # fmt: skip
    ids, tracks = paint(tracks)
    if not all(_in_sight(track, track.number <= stars, settings) for track in tracks):
        return None
    expressions = speak(rng, frames, tracks, scenery.kind, settings, still_camera=still)
    pictures = dict.fromkeys([background.id, *(p.cutout.source for p in placed)])
    objects = tuple(sorted((t.number, t.kind) for t in tracks))
    clip = PhotoClip(tuple(frames), ids, objects, tuple(expressions), tuple(pictures))
    return clip if clip.spoken_of(scenery.kind) == stars else None


def _in_sight(track: Track, star: bool, settings: ClipSettings) -> bool:
    shown, whole = track.visible.sum((1, 2)), track.entire.sum((1, 2))
    share = _IN_SIGHT if star else _BESIDE
    least = (0.6 if star else 0.0) * settings.least_share * track.visible[0].size
    return bool((whole > 0).all() and (shown >= np.maximum(share * whole, least)).all())


def _match(picture: Image8, placed: Placed) -> float:
    """A gain that brings the object a little towards the brightness of where it is set in."""
    x, y = placed.path[len(placed.path) // 2]
    half_h, half_w = (s * placed.scale[0] / 2 for s in placed.cutout.size)
    rows = slice(max(0, int(y - half_h)), max(1, int(y + half_h)))
    columns = slice(max(0, int(x - half_w)), max(1, int(x + half_w)))
    around = float(picture[rows, columns].mean())
    solid = placed.cutout.rgba[..., 3] > 200
    own = float(placed.cutout.rgba[solid][:, :3].mean())
    return float(np.clip(((around + 20) / (own + 20)) ** 0.25, 0.85, 1.18))


def _stage(
    picture: Image8, placed: Sequence[Placed], gains: Sequence[float], order: Sequence[int], t: int
) -> tuple[Image8, list[NDArray[np.float32]]]:
    """The picture with every cut-out drawn, in `order`, and the cover [H, W] of each in 0..1."""
    stage = picture.astype(np.float32)
    covers: list[NDArray[np.float32]] = [np.zeros(picture.shape[:2], np.float32)] * len(placed)
    for i in order:
        drawn = _draw(placed[i], t, picture.shape[1], picture.shape[0])
        alpha = drawn[..., 3:] / np.float32(255)
        stage = stage * (1 - alpha) + drawn[..., :3] * gains[i]
        covers[i] = alpha[..., 0]
    return np.clip(stage + 0.5, 0, 255).astype(np.uint8), covers


def _draw(placed: Placed, t: int, width: int, height: int) -> NDArray[np.float32]:
    """The cut-out [height, width, 4] where it is at `t`, colours times cover."""
    rgba = placed.cutout.rgba.astype(np.float32)
    rgba[..., :3] *= rgba[..., 3:] / 255
    scale = float(placed.scale[t])
    if scale < 0.9:  # an area's mean keeps fine patterns from flickering
        small = (max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale)))
        factor = small[0] / rgba.shape[1]
        rgba = cv2.resize(rgba, small, interpolation=cv2.INTER_AREA)
        scale /= factor
    middle = (rgba.shape[1] / 2 - 0.5, rgba.shape[0] / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(middle, float(placed.angle[t]), scale)
    if placed.mirrored:
        rgba = np.ascontiguousarray(rgba[:, ::-1])
    turn[:, 2] += (placed.path[t] - np.asarray(middle)).astype(turn.dtype)
    return np.asarray(cv2.warpAffine(rgba, turn, (width, height), flags=cv2.INTER_LINEAR))
