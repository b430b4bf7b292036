"""What a finished clip shows of each object: measured on its frames and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.colour_words import (
    UNKNOWN,
    Colours,
    is_colourless,
    measure_colours,
)

Floats = NDArray[np.float64]
_LEAST_VISIBLE = 6  # px; fewer are seen by nobody
_TRAVEL = 0.14  # of the frame's width, from which an object moves
_REST = 0.025  # of the frame's width, up to which it stays where it is


@dataclass(frozen=True)
class Track:
    """An object in the making: its masks [T, H, W], and those it would have uncovered.

    `number` is its id in the dataset, 0 for one that is in the picture but not labelled. `moves`
    says that its own motion against the background is known.
    """

    number: int
    kind: str
    visible: NDArray[np.bool_]
    entire: NDArray[np.bool_]
    moves: bool = False


@dataclass(frozen=True)
class Sighting:
    """An object as a viewer sees it.

    `centres` [T, 2]: x and y in shares of the frame, NaN where it is not seen; `areas` [T] in
    shares of the frame; `motion`: left, right, up, down, still, or nothing where it cannot be said.
    """

    number: int
    kind: str
    centres: Floats
    areas: Floats
    colours: Colours
    motion: str


def see(
    frames: Sequence[NDArray[np.uint8]], tracks: Sequence[Track], still_camera: bool
) -> list[Sighting]:
    """The objects that show in any frame. Words of motion hold before a still camera alone."""
    grey = is_colourless(frames)
    seen = []
    for track in tracks:
        counts = track.visible.sum((1, 2))
        if counts.max() < _LEAST_VISIBLE:
            continue
        centres = _centres(track.visible)
        path = _centres(track.entire)
        pixels = np.concatenate([f[m] for f, m in zip(frames, track.visible, strict=True)])
        seen.append(
            Sighting(
                track.number,
                track.kind,
                centres,
                counts / track.visible[0].size,
                UNKNOWN if grey else measure_colours(pixels),
                _motion(path) if track.moves and still_camera else "",
            )
        )
    return seen


def _centres(masks: NDArray[np.bool_]) -> Floats:
    centres = np.full((len(masks), 2), np.nan)
    for t, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        if len(rows) >= _LEAST_VISIBLE:
            centres[t] = columns.mean() / mask.shape[1], rows.mean() / mask.shape[0]
    return centres


def _motion(path: Floats) -> str:
    """One word for the path [T, 2] of an object that is in the frame throughout."""
    if not np.isfinite(path).all():
        return ""
    if (np.ptp(path, axis=0) <= _REST).all():
        return "still"
    way = path[-1] - path[0]
    axis = int(np.argmax(np.abs(way)))
    steps = np.diff(path[:, axis]) * np.sign(way[axis])
    if abs(way[axis]) < _TRAVEL or abs(way[1 - axis]) > 0.5 * abs(way[axis]) or steps.min() < -0.01:
        return ""
    return (("left", "right"), ("up", "down"))[axis][int(way[axis] > 0)]
