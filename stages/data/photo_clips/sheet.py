"""A contact sheet of a dataset: a few frames of each clip with its masks, all sentences below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.data.dataset import Dataset, Video
from stages.data.index import load_dataset
from stages.data.overlay import Tile, contact_sheet, draw_mask, evenly, font_for, write_png

_CLIPS = 48  # of a large dataset, so that the picture can still be opened
_COLOURS = ((255, 40, 120), (40, 220, 110), (60, 140, 255), (255, 200, 40), (200, 90, 255))
_WIDTH, _LINE = 1600, 20  # px


def write_sheet(
    path: Path, root: Path, videos: Sequence[str] | None = None, frames: int = 4
) -> None:
    """One row a clip: `frames` of its frames, and its sentences in the colours of the masks.

    `videos` of the dataset under `root`; without them, clips spread evenly over all. Raises
    FsrvosError where the dataset is bad or the picture cannot be written.
    """
    dataset = load_dataset(root)
    if videos is None:
        names = list(dataset.videos)
        videos = [names[i] for i in evenly(len(names), _CLIPS)]
    rows = []
    for name in videos:
        video = dataset.videos[name]
        shown = [_drawn(dataset, video, i) for i in evenly(len(video.frames), frames)]
        row = _resized(np.concatenate(shown, axis=1))
        rows.append(Tile(np.concatenate([row, _written(video)]), name))
    write_png(path, contact_sheet(rows, columns=1, tile_width=_WIDTH))


def _resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As wide as the sheet."""
    from PIL import Image

    height = round(picture.shape[0] * _WIDTH / picture.shape[1])
    return np.asarray(Image.fromarray(picture).resize((_WIDTH, height)))


def _written(video: Video) -> NDArray[np.uint8]:
    """All sentences of a clip, a line an object, in the colours of the masks."""
    from PIL import Image, ImageDraw

    told = _sentences(video)
    band = Image.new("RGB", (_WIDTH, _LINE * len(told) + 4))
    draw = ImageDraw.Draw(band)
    for row, (number, texts) in enumerate(told.items()):
        line = "; ".join(texts)
        draw.text((4, row * _LINE + 2), line, font=font_for(line, 16), fill=_colour(number))
    return np.asarray(band)


def _sentences(video: Video) -> dict[int, list[str]]:
    """The sentences by object; the video's own kind first."""
    told: dict[int, list[str]] = {}
    for expression in reversed(video.expressions):
        told.setdefault(expression.object_id, []).append(expression.text)
    return told


def _colour(number: int) -> tuple[int, int, int]:
    return _COLOURS[number % len(_COLOURS)]


def _drawn(dataset: Dataset, video: Video, index: int) -> NDArray[np.uint8]:
    frame, ids = dataset.frame(video.id, index), dataset.masks(video.id, index)
    for number in sorted({e.object_id for e in video.expressions}):
        frame = draw_mask(frame, ids == number, _colour(number), 0.18)
    return frame
