"""A video with masks of some frames: the frames are those of the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.support import load_support, scan_support
from stages.data.video_writer import write_video

Mask = NDArray[np.bool_]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty frames, each of one grey of its own."""
    frames = (np.full((48, 64, 3), 10 * i, np.uint8) for i in range(20))
    write_video(tmp_path / "clip.mp4", frames, 25)
    return tmp_path


def paint(folder: Path, name: str, truth: Mask) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(truth.astype(np.uint8) * 255).save(path)


@pytest.mark.parametrize(
    "names", [("masks/00003.png", "masks/00012.png"), ("3.png", "12.PNG"), ("f_3.png", "f_012.tif")]
)
def test_frames_by_number(folder: Path, truth: Mask, names: tuple[str, str]) -> None:
    for name in names:
        paint(folder, name, truth)
    support = load_support(folder, expression="a dog")
    assert [round(float(frame.mean()), -1) for frame in support.frames] == [30, 120]
    for mask in support.masks:
        np.testing.assert_array_equal(mask, truth)
    assert support.format == "a video"


def faults(folder: Path) -> list[FsrvosError]:
    support, found = scan_support(folder, expression="a dog")
    assert support is None
    return found


def test_numbers_that_are_no_frame(folder: Path, truth: Mask) -> None:
    for name in ("00003", "00020", "dog", "3"):
        paint(folder, f"masks/{name}.png", truth)
    said = [str(fault) for fault in faults(folder)]
    assert len(said) == 3
    for says in (
        "00020.png: clip.mp4 has 20 frames, counted from 0, so the last is 19",
        "dog.png: no frame has this name; name masks by the frame's number",
        "/3.png: 00003.png is of the same frame; keep one",
    ):
        assert sum(says in line for line in said) == 1, (says, said)


def test_a_video_cut_short_says_so_instead(folder: Path, truth: Mask) -> None:
    content = (folder / "clip.mp4").read_bytes()
    (folder / "clip.mp4").write_bytes(content[:-60])
    paint(folder, "masks/19.png", truth)
    (fault,) = faults(folder)
    assert "clip.mp4: the file is cut short" in str(fault)


def test_a_mask_of_another_size(folder: Path) -> None:
    paint(folder, "masks/3.png", np.ones((20, 30), bool))
    (fault,) = faults(folder)
    assert "the mask has 30 x 20 pixels, its frame 64 x 48" in str(fault)


def test_no_masks_two_videos_and_no_video(folder: Path, truth: Mask) -> None:
    (fault,) = faults(folder)
    assert isinstance(fault, MissingError) and "no frame of the video has a mask" in str(fault)
    paint(folder, "masks/3.png", truth)
    (folder / "second.MOV").write_bytes(b"x")
    (fault,) = faults(folder)
    assert isinstance(fault, DataError) and "clip.mp4 and second.MOV; make a folder" in str(fault)
    (folder / "second.MOV").unlink()
    (folder / "clip.mp4").write_bytes(b"x" * 100)
    assert "clip.mp4: not a readable video" in str(faults(folder)[0])


def test_a_video_beside_annotated_images_could_be_either(folder: Path, truth: Mask) -> None:
    paint(folder, "a.jpg", truth)
    paint(folder, "a.png", truth)
    (fault,) = faults(folder)
    assert "holds a video and masks as images; keep one of them" in str(fault)
