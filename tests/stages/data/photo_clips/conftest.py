"""Small sources of photographs: plain shapes on mottled grounds, outlined exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stages.data.photo_clips import Catalogue, open_source

WIDTH, HEIGHT = 160, 120
RED, BLUE, GREEN = (200, 20, 25), (25, 60, 210), (30, 150, 50)
# Kind, colour, box (x, y, width, height) of every object, a list a picture.
Thing = tuple[str, tuple[int, int, int], tuple[int, int, int, int]]
PICTURES: tuple[tuple[Thing, ...], ...] = (
    (("ball", RED, (20, 40, 40, 40)),),
    (("ball", BLUE, (80, 50, 44, 44)),),
    (("ball", RED, (16, 40, 36, 36)), ("ball", BLUE, (104, 42, 38, 38))),
    (("ball", GREEN, (60, 30, 50, 50)), ("hot pot", RED, (16, 84, 40, 30))),
    (("hot pot", BLUE, (50, 40, 60, 40)),),
    (("hot pot", RED, (60, 40, 50, 50)), ("kite", GREEN, (12, 12, 30, 30))),
    (("chair", BLUE, (12, 30, 40, 60)), ("chair", BLUE, (100, 30, 40, 60))),
)


def ground(seed: int) -> NDArray[np.uint8]:
    """A mottled, greyish picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(90, 170, (6, 8, 1)).repeat(3, axis=2).astype(np.float32)
    coarse += rng.normal(0, 6, coarse.shape)
    return (
        cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        .clip(0, 255)
        .astype(np.uint8)
    )


def corners(box: tuple[int, int, int, int]) -> list[float]:
    """An octagon in the box, as COCO writes polygons."""
    x, y, w, h = box
    angles = np.arange(8) * np.pi / 4 + np.pi / 8
    return [
        float(v)
        for a in angles
        for v in (x + w / 2 + w / 2 * np.cos(a), y + h / 2 + h / 2 * np.sin(a))
    ]


def write_coco(root: Path, **extra: Any) -> Path:
    """A COCO folder of `PICTURES`; `extra` goes into the annotation file."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    names = sorted({kind for things in PICTURES for kind, _, _ in things})
    for number, things in enumerate(PICTURES, start=1):
        picture = ground(number)
        for kind, colour, box in things:
            line = np.array(corners(box), np.float32).reshape(-1, 2)
            cv2.fillPoly(picture, [line.round().astype(np.int32)], colour)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": names.index(kind) + 1,
                    "iscrowd": 0,
                    "segmentation": [corners(box)],
                    "bbox": list(box),
                    "area": 0.83 * box[2] * box[3],
                }
            )
        Image.fromarray(picture).save(root / "images" / f"{number:06d}.png")
        images.append(
            {
                "id": number,
                "file_name": f"{number:06d}.png",
                "width": WIDTH,
                "height": HEIGHT,
                "license": 4 if number % 2 else 5,
                "flickr_url": f"http://flickr.example/{number}",
                "coco_url": f"http://coco.example/{number:06d}.png",
            }
        )
    content = {
        "licenses": [{"id": 4, "name": "CC BY 2.0"}, {"id": 5, "name": "CC BY-SA 2.0"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
        "images": images,
        "annotations": annotations,
        **extra,
    }
    (root / "instances.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO folder that nobody changes."""
    return write_coco(tmp_path_factory.mktemp("photographs") / "coco")


@pytest.fixture(scope="session")
def catalogue(coco: Path) -> Catalogue:
    return open_source(coco)


@pytest.fixture
def edited_coco(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A COCO folder of one's own, its annotation file changed by a function."""

    def make(edit: Callable[[dict[str, Any]], None]) -> Path:
        root = write_coco(tmp_path / "coco")
        content = json.loads((root / "instances.json").read_text())
        edit(content)
        (root / "instances.json").write_text(json.dumps(content))
        return root

    return make
