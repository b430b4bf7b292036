"""`data check` names every fault, not just the first."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from configs.errors import MissingError
from stages.data.check import check
from stages.data.overlay import MASK_COLOUR

Edit = Callable[..., None]


def test_sound_dataset(shared_root: Path) -> None:
    report = check(shared_root, progress=False)
    assert report.sound and report.kind == "dataset"
    assert report.counts == {"videos": 32, "frames": 192, "expressions": 80, "categories": 8}


def test_every_fault_is_listed_once(
    root: Path,
    edit_words: Edit,
    edit_meta: Edit,
    paint: Callable[..., None],
    photograph: Callable[..., None],
) -> None:
    images, masks = root / "train" / "JPEGImages", root / "train" / "Annotations"
    (masks / "ant0" / "00000.png").unlink()
    for path in (images / "ant2" / "00005.jpg", masks / "ant3" / "00005.png"):
        path.unlink()
        path.write_text("x")
    paint(masks / "bee0" / "00010.png", np.ones((20, 40), dtype=np.uint8))
    photograph(images / "bee1" / "00010.jpg", 0, 30, 50)
    paint(masks / "bee2" / "00010.png", np.full((24, 40), 9, dtype=np.uint8))
    edit_meta("videos", "cat0", "objects", "8", {"category": "cat"})
    edit_words("videos", "cat0", "expressions", "7", {"exp": "unseen", "obj_id": "8"})
    edit_words("videos", "dog1", "expressions", "0", "exp", "")
    edit_words("videos", "dog2", ...)
    for i in range(1, 4):
        edit_words("videos", f"eel{i}", ...)
    faults = check(root, progress=False).faults
    expected = [
        "ant0/00000.png: no such mask",
        "ant2/00005.jpg: not a readable image",
        "ant3/00005.png: not a readable mask",
        "bee0/00010.png: the mask is 40 x 20 pixels, its image 40 x 24 pixels",
        "bee1/00010.png: the mask is 40 x 24 pixels, its image 50 x 30 pixels",
        "bee1/00010.jpg: 50 x 30 pixels, but the first frame is 40 x 24 pixels",
        "bee2/00010.png: object 9 is not in meta.json",
        "video 'cat0': object 8 of expression '7' shows in no mask",
        "video 'dog1': expression '0': the expression is empty",
        "category 'eel' has 1 of the 2 videos",
    ]
    for says in expected:
        assert sum(says in fault for fault in faults) == 1, says
    assert len(faults) == len(expected)
    assert not any("\n" in fault for fault in faults)


def test_broken_split_file(root: Path) -> None:
    (root / "folds.json").write_text('{"1": {"test": ["yak"]}}')
    (fault,) = check(root, progress=False).faults
    assert "folds.json: fold 1: test: the dataset has no 'yak'" in fault


def test_malformed_json_is_a_fault(root: Path) -> None:
    (root / "train" / "meta.json").write_text("{")
    (fault,) = check(root, progress=False).faults
    assert "malformed JSON" in fault


def test_support_folder(tmp_path: Path, photograph: Callable[..., None]) -> None:
    for i, name in enumerate("ab"):
        photograph(tmp_path / f"{name}.jpg", i)
        Image.fromarray(np.zeros((24, 40), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    report = check(tmp_path)
    assert report.kind == "support"
    assert len(report.faults) == 2  # no support.toml, and empty masks
    for name in "ab":
        Image.fromarray(np.ones((24, 40), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "support.toml").write_text('expression = "x"')
    report = check(tmp_path)
    assert report.sound and report.counts == {"frames": 2}


def test_the_sheet_shows_what_was_understood(
    tmp_path: Path, photograph: Callable[..., None], shared_root: Path
) -> None:
    for i in range(3):
        photograph(tmp_path / "s" / f"frames/{i}.jpg", i)
    ids = np.zeros((24, 40), dtype=np.uint8)
    ids[4:20, 10:30] = 255
    (tmp_path / "s" / "masks").mkdir()
    for i in range(2):
        Image.fromarray(ids).save(tmp_path / "s" / "masks" / f"{i}.png")
    report = check(tmp_path / "s", expression="A dog", sheet=tmp_path / "x" / "sheet.png")
    assert report.sound and report.counts == {"frames": 2}
    assert report.sheet == tmp_path / "x" / "sheet.png"
    assert [remark.partition(": ")[2] for remark in report.remarks] == [
        "read as masks as images",
        "1 of 3 frames have no mask and are left out",
    ]
    sheet = np.asarray(Image.open(report.sheet))
    pink = (sheet == MASK_COLOUR).all(-1)  # the outline, in both of the pictures
    assert pink[:, : sheet.shape[1] // 2].any() and pink[:, sheet.shape[1] // 2 :].any()
    report = check(shared_root, progress=False, sheet=tmp_path / "data.png")
    assert report.sheet is not None and np.asarray(Image.open(report.sheet)).shape[0] > 600
    (tmp_path / "s" / "masks" / "0.png").write_bytes(b"x")
    assert check(tmp_path / "s", expression="a dog", sheet=tmp_path / "no.png").sheet is None
    assert not (tmp_path / "no.png").exists()


def test_masks_that_are_smoothed_and_pictures_that_exif_turns(
    root: Path, paint: Callable[..., None]
) -> None:
    ids = np.zeros((24, 40), dtype=np.float32)
    ids[4:20, 10:30] = 255
    soft = cv2.GaussianBlur(ids, (0, 0), 1.5).astype(np.uint8)
    (root / "train/Annotations/ant0/00005.png").unlink()
    Image.fromarray(soft).save(root / "train/Annotations/ant0/00005.png")
    picture = root / "train/JPEGImages/bee0/00005.jpg"
    image = Image.open(picture).copy()
    image.getexif()[0x0112] = 3
    picture.unlink()
    image.save(picture, exif=image.getexif())
    faults = check(root, progress=False).faults
    assert len(faults) == 2
    assert "ant0/00005.png: looks smoothed, or saved as JPEG; save it with the ids" in faults[0]
    assert "bee0/00005.jpg: EXIF turns the picture, and not its mask; save it turned" in faults[1]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such folder"):
        check(tmp_path / "nothing")
