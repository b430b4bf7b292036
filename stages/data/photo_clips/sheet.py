"""A contact sheet of a dataset: a few frames of each clip with its masks, all sentences below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.data.dataset import Dataset, Video, load_dataset
from stages.overlay import Tile, contact_sheet, draw_mask, evenly, write_png

_CLIPS = 48  # of a large dataset, so that the picture can still be opened
_COLOURS = ((255, 40, 120), (40, 220, 110), (60, 140, 255), (255, 200, 40), (200, 90, 255))
_NAMES = ("pink", "green", "blue", "yellow", "violet")


def write_sheet(
    path: Path, root: Path, videos: Sequence[str] | None = None, frames: int = 4
) -> None:
    """One row a clip: `frames` of its frames, labelled with its sentences by the masks' colours.

    `videos` of the dataset under `root`; without them, clips spread evenly over all. Raises
    FsrvosError where the dataset is bad or the picture cannot be written.
    """
    dataset = load_dataset(root)
    if videos is None:
        names = list(dataset.videos)
        videos = [names[i] for i in evenly(len(names), _CLIPS)]
    tiles: list[Tile] = []
    for name in videos:
        video = dataset.videos[name]
        labels = [f"{name}", *_sentences(video)]
        shown = evenly(len(video.frames), frames)
        while len(labels) > len(shown):  # more sentences than tiles: the last tiles take two
            last = labels.pop()
            labels[-1] = f"{labels[-1]} | {last}"
        labels += [""] * (len(shown) - len(labels))
        for index, label in zip(shown, labels, strict=True):
            tiles.append(Tile(_drawn(dataset, video, index), label))
    write_png(path, contact_sheet(tiles, columns=frames, tile_width=400))


def _sentences(video: Video) -> list[str]:
    """All sentences of an object after the name of its colour; the video's own kind first."""
    told: dict[int, list[str]] = {}
    for expression in reversed(video.expressions):
        told.setdefault(expression.object_id, []).append(expression.text)
    return [f"{_NAMES[n % len(_NAMES)]}: {'; '.join(texts)}" for n, texts in told.items()]


def _drawn(dataset: Dataset, video: Video, index: int) -> NDArray[np.uint8]:
    frame, ids = dataset.frame(video.id, index), dataset.masks(video.id, index)
    for number in sorted({e.object_id for e in video.expressions}):
        frame = draw_mask(frame, ids == number, _COLOURS[number % len(_COLOURS)], 0.18)
    return frame
