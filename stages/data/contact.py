"""Contact sheets of what was understood: a support folder's frames, a dataset's videos."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from configs.errors import FsrvosError
from stages.data.dataset import Dataset, Expression
from stages.data.overlay import Tile, contact_sheet, draw_mask, evenly
from stages.data.support import SupportSet

_MOST = 24  # pictures


def support_sheet(support: SupportSet) -> NDArray[np.uint8]:
    """The frames with the object marked [H, W, 3], under the sentence."""
    shown = evenly(len(support.frames), _MOST)
    tiles = [
        Tile(
            draw_mask(support.frames[i], support.masks[i]),
            f"{support.names[i]}: {100 * support.masks[i].mean():.1f} % of the picture",
        )
        for i in shown
    ]
    return contact_sheet(tiles, title=support.expression)


def dataset_sheet(dataset: Dataset) -> NDArray[np.uint8] | None:
    """A frame of some videos, spread over the dataset, with the object of a sentence [H, W, 3].

    None where no video can be shown.
    """
    videos = list(dataset.videos.values())
    tiles: list[Tile] = []
    for i in evenly(len(videos), _MOST):
        tiles.extend(_tile(dataset, videos[i].expressions[-1]))
    return contact_sheet(tiles, title=str(dataset.root.name)) if tiles else None


def _tile(dataset: Dataset, said: Expression) -> Iterator[Tile]:
    """The first frame that shows the object; nothing where a file is damaged, or it never shows."""
    try:
        for index in range(len(dataset.videos[said.video].frames)):
            ids, frame = dataset.masks(said.video, index), dataset.frame(said.video, index)
            if (ids == said.object_id).any() and ids.shape == frame.shape[:2]:
                label = f"{said.video}: {said.text}"
                yield Tile(draw_mask(frame, ids == said.object_id), label)
                return
    except FsrvosError:  # the check's list has it
        return
