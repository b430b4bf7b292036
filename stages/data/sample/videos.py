"""One video of the sample dataset, from its seed to pixels, ids and sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.data.sample.render import Shot, draw_frame, set_up
from stages.data.sample.scenes import Scene
from stages.data.sample.sentences import describe
from stages.data.sample.sprites import CATEGORIES
from stages.data.sample.staging import stage_scene

LEAST_VISIBLE = 0.7  # of the target and its twin, in every frame
_STILL_CAMERA = 2.0  # px of pan over the clip, up to which words of motion are used


@dataclass(frozen=True)
class Rendered:
    """`frames` [T, H, W, 3] RGB, `ids` [T, H, W]; `expressions` as (sentence, object id)."""

    name: str
    category: str
    shot: Shot
    frames: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    expressions: tuple[tuple[str, int], ...]

    @property
    def scene(self) -> Scene:
        """The plan that was drawn."""
        return self.shot.scene


def video_name(category: str, index: int) -> str:
    """Folder name of a video."""
    return f"{category}_{index:04d}"


def render_video(
    category: str, index: int, *, seed: int, frames: int, size: tuple[int, int]
) -> Rendered:
    """Draw video `index` of `category`; depends on these arguments alone.

    Scenes in which the target or its twin is covered too much are planned anew.
    """
    rng = np.random.default_rng([seed, CATEGORIES.index(category), index])
    while True:
        scene, sprites = stage_scene(rng, category, index, frames, size)
        shot = set_up(rng, scene, sprites, size)
        drawn = [draw_frame(shot, float(t)) for t in range(frames)]
        ids = np.stack([d[1] for d in drawn])
        if _visible(shot, ids):
            break
    still = abs(scene.pan[0]) <= _STILL_CAMERA and abs(scene.pan[1]) <= _STILL_CAMERA
    expressions: list[tuple[str, int]] = []
    for actor, number in reversed(list(zip(scene.actors, shot.ids, strict=True))):
        if actor.role != "distractor":
            expressions += [
                (text, number)
                for text in describe(rng, scene, actor, still_camera=still, width=size[0])
            ]
    return Rendered(
        video_name(category, index), category, shot, np.stack([d[0] for d in drawn]), ids,
        tuple(expressions),
    )  # fmt: skip


def _visible(shot: Shot, ids: NDArray[np.uint8]) -> bool:
    """Whether the target and its twin keep most of their pixels uncovered in every frame."""
    width, height = shot.size
    for actor, sprite, number in zip(shot.scene.actors, shot.sprites, shot.ids, strict=True):
        if actor.role == "distractor":
            continue
        counts = (ids == number).sum((1, 2))
        areas = [float((p[..., 3] > 127).sum()) for p in sprite.poses]
        for t, (x, y) in enumerate(actor.path):
            away_x = max(sprite.poses[0].shape[1] / 2 - min(x, width - 1 - x), 0)
            away_y = max(sprite.poses[0].shape[0] / 2 - min(y, height - 1 - y), 0)
            if max(away_x, away_y) > 6:
                continue  # entering or leaving
            if counts[t] < LEAST_VISIBLE * areas[t % len(areas)]:
                return False
    return True
