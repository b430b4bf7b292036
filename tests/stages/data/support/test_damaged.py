"""Damaged support folders of every format: faults of one line each, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs.errors import FsrvosError
from stages.data.support import scan_support
from stages.data.video_writer import write_video
from tests.abuse.mutations import mutated

Mask = NDArray[np.bool_]
Snap = Callable[..., Path]
SEED, ROUNDS = 7, 60
CORNERS = [[10, 8], [26, 8], [26, 14], [34, 14], [34, 30], [10, 30]]


def images_with_masks(snap: Snap, truth: Mask, folder: Path) -> None:
    for name in "ab":
        snap(f"{name}.jpg")
        Image.fromarray(truth.astype(np.uint8) * 7).save(folder / f"{name}.png")


def coloured_masks(snap: Snap, truth: Mask, folder: Path) -> None:
    snap("frames/a.png")
    (folder / "masks").mkdir()
    colours = np.where(truth[..., None], np.uint8((200, 30, 4)), np.uint8(0))
    Image.fromarray(colours).save(folder / "masks" / "a.jpg", quality=90)


def video(snap: Snap, truth: Mask, folder: Path) -> None:
    folder.mkdir()
    write_video(folder / "v.mp4", (np.full((48, 64, 3), 9 * i, np.uint8) for i in range(6)), 25)
    Image.fromarray(truth).save(folder / "3.png")


def labelme(snap: Snap, truth: Mask, folder: Path) -> None:
    picture = snap("a.jpg")
    shapes = [{"label": "dog", "points": CORNERS, "shape_type": "polygon", "group_id": 7}]
    data = base64.b64encode(picture.read_bytes()).decode()
    note = {"shapes": shapes, "imagePath": "a.jpg", "imageData": data}
    (folder / "a.json").write_text(json.dumps({**note, "imageHeight": 48, "imageWidth": 64}))


def coco(snap: Snap, truth: Mask, folder: Path) -> None:
    snap("a.jpg")
    flat = [float(value) for corner in CORNERS for value in corner]
    shapes = [
        {"id": i, "image_id": 1, "category_id": 1, "segmentation": s, "track_id": 7}
        for i, s in enumerate([[flat], {"size": [48, 64], "counts": [100, 9, 2963]}])
    ]
    images = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}]
    categories = [{"id": 1, "name": "dog"}]
    note = {"images": images, "annotations": shapes, "categories": categories}
    (folder / "a.json").write_text(json.dumps(note))


NUMBERED = (images_with_masks, labelme, coco)
LAYOUTS = (*NUMBERED, coloured_masks, video)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_damage_is_a_fault_or_does_no_harm(
    tmp_path: Path, snap: Snap, truth: Mask, layout: Callable[[Snap, Mask, Path], None]
) -> None:
    folder = tmp_path / "s"
    layout(snap, truth, folder)
    number = "object_id = 7\n" if layout in NUMBERED else ""
    (folder / "support.toml").write_text(f'expression = "a dog"\ncategory = "dog"\n{number}')
    support, faults = scan_support(folder)
    assert support is not None and not faults
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rng = np.random.default_rng(SEED)
    refused = 0
    for _ in range(ROUNDS):
        path = files[int(rng.integers(len(files)))]
        sound = path.read_bytes()
        path.write_bytes(mutated(sound, rng))
        support, faults = scan_support(folder)
        refused += support is None
        assert (support is None) == bool(faults)
        for fault in faults:
            assert isinstance(fault, FsrvosError)
            assert "\n" not in str(fault) and str(tmp_path) in str(fault)
        if support is not None:
            for frame, mask in zip(support.frames, support.masks, strict=True):
                assert frame.shape[:2] == mask.shape and mask.any()
        path.write_bytes(sound)
    assert refused > ROUNDS / 4


@pytest.mark.parametrize("name", ["a.json", "support.toml"])
@pytest.mark.parametrize("content", [b"[" * 100_000, b"a = " + b"[" * 100_000, b"\0" * 100, b""])
def test_files_that_hold_nothing_or_depth(
    tmp_path: Path, snap: Snap, truth: Mask, name: str, content: bytes
) -> None:
    images_with_masks(snap, truth, tmp_path / "s")
    (tmp_path / "s" / "support.toml").write_text('expression = "a dog"\n')
    (tmp_path / "s" / name).write_bytes(content)
    support, faults = scan_support(tmp_path / "s")
    assert support is None and name in str(faults[0])
    assert not any("\n" in str(fault) for fault in faults)


def many_masks(folder: Path) -> None:
    for i in range(101):
        (folder / f"{i}.jpg").write_bytes(b"")
        (folder / f"{i}.png").write_bytes(b"")


def many_masks_of_a_video(folder: Path) -> None:
    (folder / "v.mp4").write_bytes(b"")
    for i in range(101):
        (folder / f"{i}.png").write_bytes(b"")


def many_shapes(folder: Path) -> None:
    for i in range(101):
        (folder / f"{i}.json").write_text('{"shapes": []}')


def many_annotations(folder: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(101)]
    notes = [{"id": i, "image_id": i, "category_id": 1, "segmentation": [[1]]} for i in range(101)]
    content = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "dog"}]}
    (folder / "a.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "layout", [many_masks, many_masks_of_a_video, many_shapes, many_annotations]
)
def test_whole_datasets_are_refused_before_they_are_decoded(
    tmp_path: Path, layout: Callable[[Path], None]
) -> None:
    layout(tmp_path)
    _, faults = scan_support(tmp_path, expression="a dog")
    (fault,) = faults
    assert "101 frames are annotated, and a support takes 100 at most; keep a few" in str(fault)
