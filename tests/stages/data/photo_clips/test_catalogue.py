"""COCO, LVIS and VOC sources, read and narrowed down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, MissingError, UsageError
from stages.data.outlines import Polygons
from stages.data.photo_clips import Catalogue, open_source, take
from stages.data.photo_clips.catalogue import whole
from stages.data.photo_clips.photographs import LabelledPixels, Outline, read_pixels

Edited = Callable[[Callable[[dict[str, Any]], None]], Path]


def test_a_coco_folder_gives_pictures_kinds_licences_and_addresses(catalogue: Catalogue) -> None:
    photo = catalogue.photographs[3]
    assert (photo.id, photo.licence, photo.width, photo.height) == ("4", 5, 160, 120)
    assert [o.kind for o in photo.outlines] == ["ball", "hot pot"]
    assert photo.outlines[1].share == pytest.approx(0.83 * 40 * 30 / (160 * 120))
    assert dict(photo.addresses)["flickr_url"] == "http://flickr.example/4"
    assert catalogue.licences == {4: "CC BY 2.0", 5: "CC BY-SA 2.0"}


def test_masks_lie_on_the_painted_objects(catalogue: Catalogue) -> None:
    photo = catalogue.photographs[2]
    pixels = read_pixels(photo, photo.outlines, 160)
    for mask, colour in zip(pixels.masks, ((200, 20, 25), (25, 60, 210)), strict=True):
        painted = (pixels.rgb == colour).all(2)
        assert (mask & painted).sum() / (mask | painted).sum() > 0.93
    small = read_pixels(photo, photo.outlines, 80)
    assert small.rgb.shape == (60, 80, 3)
    assert small.masks[0].sum() == pytest.approx(pixels.masks[0].sum() / 4, rel=0.1)


def test_parts_that_overlap_make_no_hole() -> None:
    square = np.array([[2, 2], [8, 2], [8, 8], [2, 8]], np.float32)
    mask = Polygons((square, square + 3)).mask(12, 12)
    assert mask[6, 6]
    assert Polygons((square,)).mask(12, 12).sum() == 36
    assert mask.sum() == 36 + 36 - 9


def test_a_crowd_leaves_its_kind_uncounted(edited_coco: Edited) -> None:
    def crowd(content: dict[str, Any]) -> None:
        content["annotations"][0]["iscrowd"] = 1
        content["annotations"][0]["segmentation"] = {"size": [120, 160], "counts": [19200]}

    photo = open_source(edited_coco(crowd)).photographs[0]
    assert photo.outlines == ()
    assert photo.uncounted == {"ball"}


def test_run_lengths_serve_as_outlines(edited_coco: Edited) -> None:
    def encode(content: dict[str, Any]) -> None:
        runs = {"size": [120, 160], "counts": [120, 240, 18840]}  # the second and third column
        content["annotations"][0]["segmentation"] = runs

    photo = open_source(edited_coco(encode)).photographs[0]
    mask = read_pixels(photo, photo.outlines, 160).masks[0]
    assert mask[:, 1:3].all()
    assert mask.sum() == 240


def test_lvis_names_files_by_address_and_kinds_in_its_own_way(edited_coco: Edited) -> None:
    def like_lvis(content: dict[str, Any]) -> None:
        for entry in content["images"]:
            del entry["file_name"]
        content["images"][0]["not_exhaustive_category_ids"] = [2]
        names = ["bat_(animal)", "chair_(seat)", "bat_(sports)", "kite"]
        for category, name in zip(content["categories"], names, strict=True):
            category["name"] = name

    photos = open_source(edited_coco(like_lvis)).photographs
    assert photos[0].path.name == "000001.png"
    assert photos[0].kinds == {"bat animal", "chair"}
    assert photos[0].uncounted == {"chair"}
    assert photos[4].kinds == {"bat sports"}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.pop("annotations"), "not a COCO or LVIS"),
        (lambda c: c["annotations"][0].update(category_id=99), "not a COCO or LVIS"),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2]]), "no area"),
        (lambda c: c["images"][0].update(file_name="../../etc/passwd"), "leaves the folder"),
    ],
)
def test_bad_annotations_are_named(
    edited_coco: Edited, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        open_source(edited_coco(edit))


def test_a_picture_of_another_size_is_refused(edited_coco: Edited) -> None:
    root = edited_coco(lambda c: c["images"][0].update(width=320))
    photo = open_source(root).photographs[0]
    with pytest.raises(DataError, match="drawn for 320 x 120"):
        read_pixels(photo, photo.outlines, 160)


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such source"):
        open_source(tmp_path / "absent")
    with pytest.raises(DataError, match="neither"):
        open_source(tmp_path)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(MissingError, match="no folder of pictures"):
        open_source(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(DataError, match="several"):
        open_source(tmp_path)


def test_pictures_are_taken_by_licence_and_by_list(catalogue: Catalogue) -> None:
    assert [p.id for p in take(catalogue, [5], None).photographs] == ["2", "4", "6"]
    assert [p.id for p in take(catalogue, [], ["3", "1"]).photographs] == ["1", "3"]
    with pytest.raises(UsageError, match="picture 1 and 0 more"):
        take(catalogue, [5], ["1", "2"])
    with pytest.raises(UsageError, match="no photograph is left"):
        take(catalogue, [7], None)


def test_excluded_kinds_leave_no_trace(catalogue: Catalogue) -> None:
    left = catalogue.without_kinds(["hot pot"])
    assert all("hot pot" not in photo.kinds for photo in left.photographs)
    assert len(left.photographs) == len(catalogue.photographs)
    with pytest.raises(UsageError, match="'unicorn'"):
        catalogue.without_kinds(["unicorn"])


def test_whole_objects_keep_off_the_border(catalogue: Catalogue) -> None:
    photo = catalogue.photographs[0]
    shape = photo.outlines[0].shape
    assert whole(photo, photo.outlines[0])
    assert not whole(photo, Outline("ball", 0.1, (0, 40, 60, 60), shape))
    assert not whole(photo, Outline("ball", 0.1, (50, 62, 58, 58), shape))
    assert not whole(photo, Outline("ball", 0.1, (50, 40, 20, 20), shape))


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Two pictures; the second mask has an undecided rim and an object that is not outlined."""
    root = tmp_path / "voc"
    for name in ("JPEGImages", "SegmentationObject", "SegmentationClass", "Annotations"):
        (root / name).mkdir(parents=True)
    for name in ("a", "b"):
        Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(root / f"JPEGImages/{name}.jpg")
        ids = np.zeros((40, 60), np.uint8)
        ids[9:31, 9:31] = 255
        ids[10:30, 10:30] = 1
        Image.fromarray(ids).save(root / f"SegmentationObject/{name}.png")
        Image.fromarray((ids == 1) * np.uint8(2)).save(root / f"SegmentationClass/{name}.png")
        boxes = "<object><name>Cat</name></object><object><name>dog</name></object>"
        (root / f"Annotations/{name}.xml").write_text(f"<annotation>{boxes}</annotation>")
    return root


def test_a_voc_folder_names_objects_by_their_number(voc: Path) -> None:
    photos = open_source(voc).photographs
    assert [p.id for p in photos] == ["a", "b"]
    (outline,) = photos[1].outlines
    assert outline.kind == "cat"
    assert outline.share == pytest.approx(400 / 2400)
    assert outline.box == (10, 10, 20, 20)
    assert photos[1].uncounted == {"dog"}
    assert isinstance(outline.shape, LabelledPixels)
    assert outline.shape.mask(40, 60).sum() == 400


def test_a_voc_folder_without_xml_names_objects_by_class_masks(voc: Path) -> None:
    for path in (voc / "Annotations").iterdir():
        path.unlink()
    (voc / "class_names.txt").write_text("_background_\ncat\nSea Gull\n")
    assert open_source(voc).photographs[0].outlines[0].kind == "sea gull"
    (voc / "class_names.txt").write_text("_background_\ncat\n")
    with pytest.raises(DataError, match="class 2 of object 1"):
        open_source(voc)


def test_hidden_files_are_no_annotations(voc: Path, coco: Path) -> None:
    masks = voc / "SegmentationObject"
    (masks / "._a.png").write_bytes(b"\x00\x05\x16\x07")
    assert {photo.id for photo in open_source(voc).photographs} == {
        path.stem for path in masks.glob("*.png") if path.name[0] != "."
    }
    before = len(open_source(coco).photographs)
    for note in list(coco.rglob("*.json")):
        note.with_name(f"._{note.name}").write_bytes(b"\x00\x05\x16\x07")
    assert len(open_source(coco).photographs) == before


def test_faults_of_a_voc_folder_are_named(voc: Path) -> None:
    (voc / "Annotations/a.xml").write_text("<annotation></annotation>")
    with pytest.raises(DataError, match="object 1 has no kind"):
        open_source(voc)
    (voc / "Annotations/a.xml").write_text("<annotation>")
    with pytest.raises(DataError, match="malformed XML"):
        open_source(voc)


def test_one_annotation_file_may_be_named(coco: Path, tmp_path: Path) -> None:
    nested = tmp_path / "data"
    (nested / "annotations").mkdir(parents=True)
    (nested / "train2017").symlink_to(coco / "images")
    content = json.loads((coco / "instances.json").read_text())
    (nested / "annotations" / "instances_train.json").write_text(json.dumps(content))
    assert len(open_source(nested).photographs) == len(content["images"])
    one = open_source(nested / "annotations" / "instances_train.json")
    assert len(one.photographs) == len(content["images"])
