"""A camera that looks at a flat picture: where it looks, how the picture bends, what light does.

The picture is moved by an affine map that changes smoothly with time, and bent by a thin-plate
spline (Bookstein, 1989, Principal Warps) whose few control points sway. The whole is then scaled to
fit into the picture, so no frame ever shows what lies beyond its edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, RBFInterpolator

Floats = NDArray[np.float64]
Maps = NDArray[np.float32]
Image8 = NDArray[np.uint8]

_CONTROL_POINTS = 7
_COARSE = 12  # the spline is smooth: it is computed on so many points a side, then interpolated
_MARGIN = 1.5  # px, so that interpolation stays inside


@dataclass(frozen=True)
class Camera:
    """`maps` [T, H, W, 2]: for each frame and pixel, the x and y in the picture it shows."""

    maps: Maps

    def look(self, t: int, picture: Image8) -> Image8:
        """Frame `t` of `picture` [h, w, 3]."""
        return np.asarray(
            cv2.remap(
                picture, self.maps[t], None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
            ),
            np.uint8,
        )

    def look_at_mask(self, t: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Frame `t` of a mask [h, w]."""
        seen = cv2.remap(mask.astype(np.float32), self.maps[t], None, cv2.INTER_LINEAR)
        return np.asarray(seen > 0.5)


def draw_camera(
    rng: np.random.Generator,
    picture: tuple[int, int],
    frame: tuple[int, int],
    frames: int,
    *,
    reach: float,
    focus: tuple[float, float],
) -> Camera:
    """A random camera over a picture of (height, width), for frames of (height, width).

    `reach` scales its motion: 1 is lively, 0.1 nearly still. `focus` (x, y in pixels) is what it
    tends to keep in the middle.
    """
    height, width = picture
    times = np.linspace(-0.5, 0.5, frames)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, _COARSE)] * 2), axis=-1)
    extent = np.array([frame[1], frame[0]], float)
    plane = grid.reshape(-1, 2) * extent
    looks = [
        plane @ turn.T + shift
        for turn, shift in zip(
            _turns(rng, times, reach), _shifts(rng, times, reach) * extent, strict=True
        )
    ]
    coarse = np.stack(looks) + _bend(rng, grid.reshape(-1, 2), times, reach) * extent.mean()
    coarse = _fit(rng, coarse, np.array([width, height], float), np.asarray(focus, float))
    coarse = coarse.reshape(frames, _COARSE, _COARSE, 2)
    return Camera(np.stack([_refine(one, frame) for one in coarse]))


def _turns(rng: np.random.Generator, times: Floats, reach: float) -> Floats:
    """Linear parts [T, 2, 2]: zoom, rotation, and a slight change of proportions and shear."""
    zoom = np.exp(reach * rng.uniform(-0.25, 0.25) * times)
    angle = np.radians(reach * (rng.uniform(-9, 9) * times + _sway(rng, times, 1.0)))
    stretch = np.exp(reach * rng.uniform(-0.06, 0.06) * times)
    shear = reach * rng.uniform(-0.06, 0.06) * times
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    form = np.zeros_like(turn)
    form[:, 0, 0], form[:, 1, 1], form[:, 0, 1] = stretch, 1 / stretch, shear
    return np.asarray(zoom[:, None, None] * turn @ form)


def _shifts(rng: np.random.Generator, times: Floats, reach: float) -> Floats:
    """Pan [T, 2] in shares of the frame."""
    way = rng.uniform(-1, 1, 2) * np.array([0.2, 0.1])
    return np.asarray(reach * (np.outer(times, way) + 0.006 * _sway(rng, times, (1.0, 1.0))))


def _sway(rng: np.random.Generator, times: Floats, size: float | tuple[float, ...]) -> Floats:
    """A hand's unrest: slow waves of random phase, a column for each entry of `size`."""
    scale = np.asarray(size, float)
    phase = rng.uniform(0, 2 * np.pi, scale.shape)
    speed = rng.uniform(3, 8, scale.shape)
    return np.asarray(scale * np.sin(np.multiply.outer(times, speed) + phase))


def _bend(rng: np.random.Generator, grid: Floats, times: Floats, reach: float) -> Floats:
    """Displacement [T, N, 2] of the grid's points, in shares of the frame."""
    points = rng.uniform(-0.5, 0.5, (_CONTROL_POINTS, 2))
    size = rng.normal(0, 0.02 * reach, (_CONTROL_POINTS, 2))
    phase, speed = rng.uniform(0, 2 * np.pi, size.shape), rng.uniform(2, 5, size.shape)
    pulls = size * np.sin(times[:, None, None] * speed + phase)
    values = pulls.transpose(1, 0, 2).reshape(_CONTROL_POINTS, -1)
    spline = RBFInterpolator(points, values, kernel="thin_plate_spline", smoothing=1e-3)
    return np.asarray(spline(grid).reshape(len(grid), len(times), 2).transpose(1, 0, 2))


def _fit(rng: np.random.Generator, looks: Floats, picture: Floats, focus: Floats) -> Floats:
    """All looks [T, N, 2] scaled and moved together so that they lie inside the picture."""
    low, high = looks.min((0, 1)), looks.max((0, 1))
    room = picture - 1 - 2 * _MARGIN
    scale = float((room / (high - low)).min()) * rng.uniform(0.88, 1.0)
    slack = room - scale * (high - low)
    centred = focus - _MARGIN - scale * (high - low) / 2
    corner = np.clip(centred + rng.uniform(-0.3, 0.3, 2) * slack, 0, slack)
    return np.asarray((looks - low) * scale + corner + _MARGIN)


def _refine(coarse: Floats, frame: tuple[int, int]) -> Maps:
    """The map [H, W, 2] of a coarse grid whose outer points are the frame's outer pixels."""
    down, across = (_between(side) for side in frame)
    return np.einsum("yi,ijc,xj->yxc", down, coarse, across, optimize=True).astype(np.float32)


def _between(count: int) -> Floats:
    """Weights [count, coarse] of a cubic spline through coarse points.

    cv2.remap would do it in steps of a 32nd of the coarse grid, which shows as jagged edges.
    """
    spline = CubicSpline(np.linspace(0, 1, _COARSE), np.eye(_COARSE))
    return np.asarray(spline(np.linspace(0, 1, count)))


@dataclass(frozen=True)
class Light:
    """Brightness, contrast and blur of each frame [T]; `tint` [3] is the whole clip's."""

    gain: Floats
    gamma: Floats
    blur: Floats
    tint: Floats

    def fall(self, t: int, frame: Image8) -> Image8:
        """`frame` [H, W, 3] as it comes out at `t`."""
        if self.blur[t] > 0.3:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), float(self.blur[t])), np.uint8)
        levels = (np.arange(256) / 255) ** self.gamma[t] * self.gain[t]
        table = np.clip(levels[:, None] * self.tint * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(frame, table[None]), np.uint8)


def draw_light(rng: np.random.Generator, frames: int) -> Light:
    """Light that drifts a little; one clip in three goes soft for some frames."""
    times = np.linspace(-0.5, 0.5, frames)
    gain = 1 + rng.uniform(-0.18, 0.18) * times + 0.02 * _sway(rng, times, 1.0)
    gamma = np.exp(rng.uniform(-0.12, 0.12) + rng.uniform(-0.15, 0.15) * times)
    soft = rng.uniform(0.5, 1.3) if rng.random() < 1 / 3 else 0.0
    blur = soft * np.clip(_sway(rng, times, 1.0), 0, 1)
    return Light(gain, gamma, blur, np.exp(rng.normal(0, 0.015, 3)))
