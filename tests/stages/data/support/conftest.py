"""A picture with one object on it, and support folders around it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def truth() -> NDArray[np.bool_]:
    """Where the object is [48, 64]: no symmetry takes it to itself."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:30, 10:34] = True
    mask[8:14, 26:34] = False
    return mask


@pytest.fixture
def snap(tmp_path: Path) -> Callable[..., Path]:
    """Write a noise picture of the truth's size, as `name` under the folder "s"."""

    def write(name: str, seed: int = 0, **options: object) -> Path:
        path = tmp_path / "s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        kinds = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
        Image.fromarray(noise).save(path, kinds[path.suffix.lower()], **options)  # type: ignore[arg-type]
        return path

    return write
