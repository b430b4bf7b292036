"""A video and a support folder of an ant: a green block that walks to the right."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.data.overlay import write_mask_png, write_png
from stages.data.video_writer import VideoWriter

FRAMES = 13  # more than a window


def picture(when: int, size: tuple[int, int] = (64, 96)) -> np.ndarray:  # type: ignore[type-arg]
    frame = np.full((*size, 3), 90, dtype=np.uint8)
    frame[20:44, 6 + when : 30 + when] = (0, 255, 0)
    return frame


def write_clip(path: Path) -> None:
    with VideoWriter(path, 25) as film:
        for when in range(FRAMES):
            film.write(picture(when))


def write_support(folder: Path) -> None:
    """Two annotated frames of two sizes."""
    for name, size in (("a", (64, 96)), ("b", (96, 64))):
        ids = np.zeros(size, dtype=np.uint8)
        ids[20:44, 8:32] = 2
        write_mask_png(folder / f"masks/{name}.png", ids)
        write_png(folder / f"{name}.png", picture(2, size))
    (folder / "support.toml").write_text('expression = "an ant"\nobject_id = 2\n')
