"""Images with masks: where they may lie, how they may be called, and pictures that EXIF turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from configs.errors import DataError, MissingError
from stages.data.support import SupportSet, load_support, scan_support

Snap = Callable[..., Path]
Mask = NDArray[np.bool_]
SAID = "a white dog"


def save(path: Path, values: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def white(truth: Mask) -> NDArray[np.uint8]:
    return truth.astype(np.uint8) * 255


def read(folder: Path) -> SupportSet:
    return load_support(folder, expression=SAID)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a.jpg", "a.png"),
        ("a.JPG", "a.PNG"),
        ("A.jpeg", "a.png"),
        ("a.jpg", "a.TIF"),
        ("a.jpg", "masks/a.png"),
        ("a.png", "masks/a.png"),
        ("a.jpg", "Masks/a.tiff"),
        ("frames/a.png", "masks/a.png"),
        ("Frames/a.jpg", "masks/A.PNG"),
        ("images/a.jpg", "masks/a.png"),
        ("JPEGImages/a.jpg", "Annotations/a.png"),
    ],
)
def test_layouts(tmp_path: Path, snap: Snap, truth: Mask, image: str, mask: str) -> None:
    picture = snap(image)
    save(tmp_path / "s" / mask, white(truth))
    support = read(tmp_path / "s")
    np.testing.assert_array_equal(support.masks[0], truth)
    with Image.open(picture) as opened:
        assert np.abs(np.asarray(opened).astype(int) - support.frames[0]).max() <= 4
    assert support.expression == SAID and support.remarks == ()


def test_a_jpeg_mask_in_a_folder_of_masks(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    save(tmp_path / "s" / "masks" / "a.jpg", white(truth))
    assert (read(tmp_path / "s").masks[0] ^ truth).sum() <= 4


def test_frames_are_in_natural_order_and_hidden_files_are_none(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    for i in (0, 1, 2, 10, 11):
        snap(f"{i}.jpg", i)
        save(tmp_path / "s" / f"{i}.png", white(truth))
    for name in ("._0.jpg", "._0.png", ".DS_Store", "._note.json"):
        (tmp_path / "s" / name).write_bytes(b"\x00\x05\x16\x07")
    assert read(tmp_path / "s").names == ("0", "1", "2", "10", "11")


def test_frames_without_a_mask_are_left_out_and_said(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    for i in range(5):
        snap(f"frames/{i}.jpg", i)
    save(tmp_path / "s" / "masks" / "3.png", white(truth))
    support = read(tmp_path / "s")
    assert support.names == ("3",)
    (remark,) = support.remarks
    assert remark.endswith("s: 4 of 5 frames have no mask and are left out")


def test_a_mask_without_an_image_is_a_fault(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    for name in "ab":
        save(tmp_path / "s" / f"{name}.png", white(truth))
    with pytest.raises(MissingError, match="b.png: no image has this name; add it or remove"):
        read(tmp_path / "s")


def test_two_masks_of_one_image(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    for suffix in ("png", "tif"):
        save(tmp_path / "s" / f"a.{suffix}", white(truth))
    with pytest.raises(DataError, match="a.jpg has two masks, a.png and a.tif; keep one"):
        read(tmp_path / "s")


def test_one_bit_and_eight_bits_are_one_object(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    for name, values in (("a", truth), ("b", white(truth)), ("c", truth.astype(np.uint8))):
        snap(f"{name}.jpg")
        save(tmp_path / "s" / f"{name}.png", values)
    support = read(tmp_path / "s")
    assert support.object_id == 1
    for mask in support.masks:
        np.testing.assert_array_equal(mask, truth)


def test_white_is_void_in_one_mask_and_the_object_in_another(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    for name in "ab":
        snap(f"{name}.jpg")
    save(tmp_path / "s" / "a.png", white(truth))
    ids = white(truth)
    ids[40:, 50:] = 2
    save(tmp_path / "s" / "b.png", ids)
    with pytest.raises(DataError, match=r"a.png: is black and white, but in b.png white \(255\)"):
        read(tmp_path / "s")


def test_a_colour_is_chosen_by_name(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[truth] = (255, 0, 0)
    colours[40:, 50:] = (0, 0, 255)
    save(tmp_path / "s" / "a.png", colours)
    notes = tmp_path / "s" / "support.toml"
    with pytest.raises(DataError, match="the masks hold colours #0000ff, #ff0000; say which one"):
        read(tmp_path / "s")
    notes.write_text(f'expression = "{SAID}"\ncolour = "#FF0000"\n')
    np.testing.assert_array_equal(load_support(tmp_path / "s").masks[0], truth)
    notes.write_text(f'expression = "{SAID}"\ncolour = "#00ff00"\n')
    with pytest.raises(DataError, match=r"no mask holds colour #00ff00 \(they hold #0000ff, #ff"):
        load_support(tmp_path / "s")
    notes.write_text(f'expression = "{SAID}"\ncolour = "red"\n')
    with pytest.raises(DataError, match="colour 'red' must be written as '#ff0000'"):
        load_support(tmp_path / "s")


def turned_by_exif(snap: Snap, name: str, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return snap(name, exif=exif, quality=100, subsampling=0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("drawn_on", ["shown", "stored"])
def test_masks_of_pictures_that_exif_turns(
    tmp_path: Path, snap: Snap, truth: Mask, orientation: int, drawn_on: str
) -> None:
    """Pillow's own turning says where the object is; the mask's size says what it was drawn on."""
    picture = turned_by_exif(snap, "a.jpg", orientation)
    with Image.open(picture) as opened:
        shown = np.asarray(ImageOps.exif_transpose(opened))
        tagged = Image.fromarray(white(truth))
        tagged.getexif()[0x0112] = orientation
        upright = np.asarray(ImageOps.exif_transpose(tagged)) > 0
    save(tmp_path / "s" / "a.png", white(upright if drawn_on == "shown" else truth))
    support = read(tmp_path / "s")
    assert np.abs(shown.astype(int) - support.frames[0]).max() <= 4
    ambiguous = 2 <= orientation <= 4
    assert bool(support.remarks) == ambiguous
    if ambiguous:  # of equal sizes: taken to lie on the picture as shown, and said
        assert f"EXIF turns this picture (orientation {orientation})" in support.remarks[0]
    if drawn_on == "shown" or not ambiguous:
        np.testing.assert_array_equal(support.masks[0], upright)


def test_a_mask_that_fits_neither_way(tmp_path: Path, snap: Snap) -> None:
    turned_by_exif(snap, "a.jpg", 6)
    save(tmp_path / "s" / "a.png", np.full((20, 30), 255, np.uint8))
    with pytest.raises(DataError, match="has 30 x 20 pixels, its image 48 x 64; give both"):
        read(tmp_path / "s")


def test_every_fault_is_listed_at_once(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    for name in "abcd":
        snap(f"{name}.jpg")
    folder = tmp_path / "s"
    save(folder / "a.png", white(truth))
    save(folder / "b.png", np.zeros((48, 64), np.uint8))
    save(folder / "c.png", np.full((20, 30), 255, np.uint8))
    (folder / "e.png").write_bytes(b"x")
    (folder / "support.toml").write_text("object_id = -2\ncolor = 3\n")
    (folder / "notes.json").write_text("{")
    support, faults = scan_support(folder)
    assert support is None
    for says in (
        "notes.json: malformed JSON",
        "e.png: no image has this name",
        "c.png: the mask has 30 x 20 pixels, its image 64 x 48",
        "d.png: the mask of d.jpg is missing",
        "support.toml: the expression is empty",
        "support.toml: object_id -2 must be a whole number",
        "support.toml: unknown key 'color'",
        "b.png: the mask is all background",
    ):
        assert sum(says in str(fault) for fault in faults) == 1, says
    assert len(faults) == 8 and not any("\n" in str(fault) for fault in faults)


def test_the_sentence_may_come_from_outside(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    save(tmp_path / "s" / "a.png", white(truth))
    with pytest.raises(MissingError, match="or give the sentence with --support-expression"):
        load_support(tmp_path / "s")
    (tmp_path / "s" / "support.toml").write_text(
        'expression = "of the file"\n', encoding="utf-8-sig"
    )
    assert load_support(tmp_path / "s").expression == "of the file"
    assert load_support(tmp_path / "s", expression="A  Given one").expression == "a given one"
    (tmp_path / "s" / "support.toml").write_text("category = 'dog'\n")
    assert load_support(tmp_path / "s", expression="x").category == "dog"
