"""Which object a found cell is of, from frame to frame: tracks that pass one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stages.model.comparison.memory import NOBODY

Map = NDArray[Any]

LEAST = 0.1  # of the largest object's cells in a window, below which a part is no object
MOST = 8  # objects of a video
NEARNESS = 0.3  # what lying on an object's last place counts beside looking like it
HIDDEN = 0.5  # what an object that was out of sight has to look more like a cell than another
REACH = 6.0  # cells over which that falls off


def carry(found: Map, like: Map, numbers: Sequence[int], before: Map | None) -> Map:
    """Owners [T, h, w] of the found cells of a window.

    Parts that touch an object's place in the frame before are its own, and where several do each
    cell goes to the object it looks like and lies near. What touches none is an object that
    returns, if one was out of sight, and otherwise a new one.

    Args:
        found: [T, h, w] bool.
        like: [T, h, w, N], how much cells look like each known object.
        numbers: N of the known objects, from 1.
        before: [h, w] owners in the frame before the first; None where there is none.
    """
    owners = np.full(found.shape, NOBODY, np.int64)
    place = np.full(found.shape[1:], NOBODY, np.int64) if before is None else before
    for frame, cells in enumerate(found):
        owners[frame] = place = _one_frame(cells, like[frame], numbers, place)
    return _unclaimed(found, owners, like, numbers, before)


def _one_frame(found: Map, like: Map, numbers: Sequence[int], place: Map) -> Map:
    parts, count = ndimage.label(found)
    owners = np.full(found.shape, NOBODY, np.int64)
    seen = np.unique(place)
    hidden = [column for column, number in enumerate(numbers) if number not in seen]
    for part in range(1, count + 1):
        cells = parts == part
        touched = np.unique(place[ndimage.binary_dilation(cells)])
        near = [column for column, number in enumerate(numbers) if number in touched]
        if near and len(near) + len(hidden) == 1:
            owners[cells] = numbers[near[0]]
        elif near:
            owners[cells] = _divided(cells, like, numbers, near, hidden, place)
    return owners


def _divided(
    cells: Map,
    like: Map,
    numbers: Sequence[int],
    near: Sequence[int],
    hidden: Sequence[int],
    place: Map,
) -> Map:
    """Owners of the cells of one part between the objects near it and those behind them."""
    votes = []
    for column in (*near, *hidden):
        looks = ndimage.uniform_filter(like[..., column].astype(np.float32), 3)
        if column in near:
            far = ndimage.distance_transform_edt(place != numbers[column])
            looks = looks + NEARNESS * np.exp(-far / REACH)
        votes.append(looks - HIDDEN * (column in hidden))
    winners = np.stack(votes).argmax(0)
    return np.asarray(numbers)[[*near, *hidden]][winners[cells]]


def _unclaimed(
    found: Map, owners: Map, like: Map, numbers: Sequence[int], before: Map | None
) -> Map:
    """Owners with the parts that no object reached given to one out of sight, or to a new one."""
    parts, count = ndimage.label(found & (owners == NOBODY))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    largest = max([*sizes, *np.bincount(owners[owners != NOBODY])], default=0)
    known = list(numbers)
    for part in np.argsort(-sizes, kind="stable"):
        if sizes[part] < max(1, LEAST * largest):
            break
        cells = parts == part + 1
        out = _out_of_sight(cells, owners, numbers, before)
        alike = {column: float(like[cells][:, column].mean()) for column in out}
        best = max(alike, key=alike.__getitem__, default=None)
        if best is not None and alike[best] > 0:
            owners[cells] = numbers[best]
        elif len(known) < MOST:
            known.append(max(known, default=0) + 1)
            owners[cells] = known[-1]
    return owners


def _out_of_sight(cells: Map, owners: Map, numbers: Sequence[int], before: Map | None) -> list[int]:
    """Columns of the objects that are seen neither with these cells nor just before them."""
    frames = np.flatnonzero(cells.any((1, 2)))
    seen = set(np.unique(owners[frames]).tolist())
    last = owners[frames[0] - 1] if frames[0] else before
    if last is not None:
        seen |= set(np.unique(last).tolist())
    return [column for column, number in enumerate(numbers) if number not in seen]
