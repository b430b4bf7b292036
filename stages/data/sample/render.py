"""Drawing a planned scene: frames and the ids of the visible object at every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.sample.backgrounds import PLACES, draw_place
from stages.data.sample.props import scatter
from stages.data.sample.scenes import Actor, Scene
from stages.data.sample.sprites import BY_NAME, Sprite

MARGIN = 32  # of the place around the frame, for the camera
_SWIMMERS = ("fish", "turtle")
_NEED_CONTRAST = 32.0  # least Lab distance between an object and the place around it


@dataclass(frozen=True)
class Shot:
    """Everything needed to draw a scene at any moment; `ids` is one object id an actor."""

    scene: Scene
    sprites: Sequence[Sprite]
    ids: Sequence[int]
    place: NDArray[np.float32]
    size: tuple[int, int]
    blur: float
    noise: NDArray[np.float32]  # [H + 16, W + 16, 3], cropped anew at every frame
    gain: tuple[float, float, float]


def set_up(
    rng: np.random.Generator, scene: Scene, sprites: Sequence[Sprite], size: tuple[int, int]
) -> Shot:
    """Choose a place against which every actor shows, the camera's faults, and object ids."""
    width, height = size
    swims = any(actor.category in _SWIMMERS for actor in scene.actors)
    names = [name for name in PLACES if swims or name != "underwater"]
    best: tuple[float, NDArray[np.float32]] | None = None
    for name in rng.permutation(len(names))[:4]:
        place = draw_place(rng, names[int(name)], height + 2 * MARGIN, width + 2 * MARGIN)
        scatter(rng, place, names[int(name)])
        # OpenCV draws float images without anti-aliasing; a lens would not show the steps.
        place = np.asarray(cv2.GaussianBlur(place, (5, 5), 0.85), np.float32)
        contrast = min(_contrast(place, actor) for actor in scene.actors)
        if best is None or contrast > best[0]:
            best = (contrast, place)
        if contrast > _NEED_CONTRAST:
            break
    assert best is not None
    ids = [int(k) + 1 for k in rng.permutation(len(scene.actors))]
    noise = rng.normal(0, float(rng.uniform(1.5, 4.5)), (height + 16, width + 16, 3))
    red, green, blue = (float(g) for g in rng.uniform(0.93, 1.05, 3))
    return Shot(
        scene, sprites, ids, best[1], size, float(rng.uniform(0.35, 0.7)),
        noise.astype(np.float32), (red, green, blue),
    )  # fmt: skip


def _contrast(place: NDArray[np.float32], actor: Actor) -> float:
    """Lab distance between an actor's colour and the place near its middle position."""
    x, y = (int(v) + MARGIN for v in actor.path[len(actor.path) // 2])
    patch = place[max(y - 36, 0) : y + 36, max(x - 36, 0) : x + 36]
    if patch.size == 0:
        return 100.0
    pair = np.array([[patch.mean((0, 1)), actor.tint.rgb]], np.float32) / 255
    lab = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


def draw_frame(shot: Shot, moment: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Frame [H, W, 3] RGB and object ids [H, W] at `moment`, in frames from the first."""
    width, height = shot.size
    picture = _seen_place(shot, moment)
    ids = np.zeros((height, width), np.uint8)
    centres = [_at(actor.path, moment) for actor in shot.scene.actors]
    for actor, sprite, centre in zip(shot.scene.actors, shot.sprites, centres, strict=True):
        _shadow(picture, actor, sprite, centre, float(_at(actor.lift[:, None], moment)[0]))
    for k in sorted(range(len(centres)), key=lambda k: float(shot.scene.actors[k].path[0, 1])):
        _paste(picture, ids, shot, k, centres[k], moment)
    picture = cv2.GaussianBlur(picture, (3, 3), shot.blur)
    dx, dy = int(moment * 7) % 16, int(moment * 11) % 16
    picture = (
        picture * np.array(shot.gain, np.float32) + shot.noise[dy : dy + height, dx : dx + width]
    )
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8), ids


def _at(path: NDArray[np.float64], moment: float) -> NDArray[np.float64]:
    """`path` [T, D] between its frames."""
    low = min(int(moment), len(path) - 1)
    high = min(low + 1, len(path) - 1)
    return np.asarray(path[low] + (path[high] - path[low]) * (moment - low))


def _seen_place(shot: Shot, moment: float) -> NDArray[np.float32]:
    """The place through the camera. What stands in it moves by `pan` over the clip."""
    width, height = shot.size
    t = moment / max(len(shot.scene.actors[0].path) - 1, 1)
    zoom = 1 + (shot.scene.zoom - 1) * (t - 0.5)
    shift = np.array(shot.scene.pan) * (t - 0.5)
    half = np.array([width / 2, height / 2])
    origin = half - zoom * (half + MARGIN) + shift
    view = np.array([[zoom, 0, origin[0]], [0, zoom, origin[1]]])
    return np.asarray(
        cv2.warpAffine(shot.place, view, (width, height), flags=cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE), np.float32)  # fmt: skip


def _shadow(
    picture: NDArray[np.float32],
    actor: Actor,
    sprite: Sprite,
    centre: NDArray[np.float64],
    lift: float,
) -> None:
    """A soft dark ellipse on the ground; fainter and smaller below a jumping object."""
    height, width = sprite.poses[0].shape[:2]
    lift += BY_NAME[actor.category].hover
    far = 1 / (1 + lift / 30)
    rx, ry = 0.46 * width * far, max(0.07 * width, 3.0) * far
    cx, cy = float(centre[0]), float(centre[1]) + height / 2 - 1 + lift
    x0, x1 = int(max(cx - 1.6 * rx, 0)), int(min(cx + 1.6 * rx, picture.shape[1]))
    y0, y1 = int(max(cy - 2.2 * ry, 0)), int(min(cy + 2.2 * ry, picture.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    rows = np.arange(y0, y1, dtype=np.float32)[:, None]
    cols = np.arange(x0, x1, dtype=np.float32)[None]
    spread = ((cols - np.float32(cx)) / np.float32(rx)) ** 2 + (
        (rows - np.float32(cy)) / np.float32(ry)
    ) ** 2
    dark = np.float32(0.42 * far) * np.exp(-spread)
    picture[y0:y1, x0:x1] *= 1 - dark[..., None]


def _paste(
    picture: NDArray[np.float32], ids: NDArray[np.uint8], shot: Shot, k: int,
    centre: NDArray[np.float64], moment: float,
) -> None:  # fmt: skip
    """Turn and shift actor k's sprite to sub-pixel position and lay it over the picture."""
    actor, poses = shot.scene.actors[k], shot.sprites[k].poses
    sprite = poses[int(moment) % len(poses)]
    height, width = sprite.shape[:2]
    side = int(np.hypot(height, width)) + 4
    corner = np.floor(centre - side / 2).astype(int)
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -actor.tilt, 1.0)
    turn[:, 2] += centre - corner - ((width - 1) / 2, (height - 1) / 2)
    patch = cv2.warpAffine(sprite, turn, (side, side), flags=cv2.INTER_LINEAR)
    x0, y0 = max(int(corner[0]), 0), max(int(corner[1]), 0)
    x1, y1 = min(int(corner[0]) + side, shot.size[0]), min(int(corner[1]) + side, shot.size[1])
    if x1 <= x0 or y1 <= y0:
        return
    cut = patch[y0 - corner[1] : y1 - corner[1], x0 - corner[0] : x1 - corner[0]].astype(np.float32)
    alpha = cut[..., 3:] / 255
    picture[y0:y1, x0:x1] = picture[y0:y1, x0:x1] * (1 - alpha) + cut[..., :3]
    ids[y0:y1, x0:x1][alpha[..., 0] > 0.5] = shot.ids[k]
