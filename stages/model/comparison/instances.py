"""The objects that a support found in a clip: connected parts of a mask, followed over frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

LEAST = 0.1  # of the largest object's cells, below which a part is noise
MOST = 8  # objects
GEOMETRY = 10  # numbers that `geometry` tells of an object


@dataclass(frozen=True)
class Instances:
    """N objects of one clip.

    labels: [T, h, w] int64, the nearest object of every cell's frame in 0..N-1, -1 in frames
    without one. found: [T, h, w] bool, the cells that are of an object.
    """

    labels: Tensor
    found: Tensor
    count: int

    def shares(self) -> Tensor:
        """Which cells are of which object, [N, T, h, w] of 0 and 1."""
        numbers = torch.arange(self.count, device=self.labels.device)[:, None, None, None]
        return ((self.labels == numbers) & self.found).float()


def instances(found: Tensor) -> Instances:
    """The objects of a mask [T, h, w] bool: cells that touch, in a frame or from one to the next.

    The largest `MOST`, and none smaller than `LEAST` of the largest.
    """
    parts, count = ndimage.label(found.cpu().numpy())
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    kept = [
        int(i) for i in np.argsort(-sizes, kind="stable")[:MOST] if sizes[i] >= LEAST * sizes.max()
    ]
    labels = np.full(parts.shape, -1, np.int64)
    for number, part in enumerate(kept):
        labels[parts == part + 1] = number
    own = torch.from_numpy(labels).to(found.device)
    return Instances(nearest_labels(own, -1), own >= 0, len(kept))


def nearest_labels(labels: Tensor, nothing: int) -> Tensor:
    """Labels [T, h, w] with each cell of `nothing` given the nearest label of its frame, if any."""
    filled = labels.cpu().numpy().copy()
    for frame in filled:
        if (frame != nothing).any():
            nearest = ndimage.distance_transform_edt(
                frame == nothing, return_distances=False, return_indices=True
            )
            frame[:] = frame[tuple(nearest)]
    return torch.from_numpy(filled).to(labels.device)


def geometry(objects: Instances) -> Tensor:
    """What a sentence may say of each object's place, size and motion, [N, `GEOMETRY`].

    Centre x and y in [-1, 1]; the same less the other objects' mean; log of the area, as a share of
    the frame and less the others' mean; its height over its width as a log; how far the centre
    moved in x and y and how much the log of the area changed from the first frame to the last that
    show it.
    """
    shares = objects.shares()
    count, frames, height, width = shares.shape
    y = torch.linspace(-1, 1, height, device=shares.device)
    x = torch.linspace(-1, 1, width, device=shares.device)
    area = shares.sum((-2, -1))  # [N, T]
    safe = area.clamp(min=1)
    centre_x = (shares.sum(-2) @ x) / safe
    centre_y = (shares.sum(-1) @ y) / safe
    spread_x = ((shares.sum(-2) @ x**2) / safe - centre_x**2).clamp(min=1e-4).sqrt()
    spread_y = ((shares.sum(-1) @ y**2) / safe - centre_y**2).clamp(min=1e-4).sqrt()
    shown = (area > 0).float()
    seen = shown.sum(-1).clamp(min=1)

    def over_frames(values: Tensor) -> Tensor:
        return (values * shown).sum(-1) / seen

    size = (safe / (height * width)).log()
    means = [over_frames(values) for values in (centre_x, centre_y, size)]
    shape = over_frames((spread_y * height / (spread_x * width)).log())
    moved = [change(values, shown) for values in (centre_x, centre_y, size)]
    return torch.stack(
        [*means, *(beside_others(values) for values in means), shape, *moved], dim=-1
    )


def beside_others(values: Tensor) -> Tensor:
    """Each of [N] less the mean of the others; 0 for one alone."""
    if len(values) < 2:
        return torch.zeros_like(values)
    return values - (values.sum() - values) / (len(values) - 1)


def change(values: Tensor, shown: Tensor) -> Tensor:
    """Last less first of values [N, T] among the frames that show the object, [N]."""
    numbers = torch.arange(values.shape[1], device=values.device)
    last = (shown * (numbers + 1)).argmax(-1)
    first = (shown * (values.shape[1] - numbers)).argmax(-1)
    rows = torch.arange(len(values), device=values.device)
    return values[rows, last] - values[rows, first]
