"""COCO's files as the common tools export them, with the masks that they mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.support import SupportSet, load_support, scan_support

Mask = NDArray[np.bool_]
Snap = Callable[..., Path]
OUTLINE = [10.0, 8.0, 26.0, 8.0, 26.0, 14.0, 34.0, 14.0, 34.0, 30.0, 10.0, 30.0]


def runs(mask: Mask) -> list[int]:
    """Uncompressed run lengths, down the columns, of background first."""
    flat = mask.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def squeezed(counts: list[int]) -> str:
    """The compressed form, written after the definition in COCO's maskApi (LEB128 of 5 bits)."""
    text = ""
    for i, count in enumerate(counts):
        rest = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            digit = rest & 31
            rest >>= 5
            more = rest != (-1 if digit & 16 else 0)
            text += chr((digit | 32 if more else digit) + 48)
    return text


def annotation(**fields: Any) -> dict[str, Any]:
    box = {"bbox": [10.0, 8.0, 24.0, 22.0], "area": 480.0, "iscrowd": 0}
    return {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [OUTLINE], **box, **fields}


def content(*annotations: dict[str, Any], name: str = "a.jpg", **fields: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "width": 64, "height": 48, "file_name": name}],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        **fields,
    }


def write(path: Path, value: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def read(tmp_path: Path) -> SupportSet:
    return load_support(tmp_path / "s", expression="a white dog")


@pytest.mark.parametrize("form", ["polygon", "runs", "compressed runs"])
def test_each_form_of_a_mask(tmp_path: Path, snap: Snap, truth: Mask, form: str) -> None:
    counts = runs(truth)
    segmentation: Any = {
        "polygon": [OUTLINE],
        "runs": {"size": [48, 64], "counts": counts},
        "compressed runs": {"size": [48, 64], "counts": squeezed(counts)},
    }[form]
    snap("a.jpg")
    write(tmp_path / "s" / "notes.json", content(annotation(segmentation=segmentation)))
    support = read(tmp_path)
    np.testing.assert_array_equal(support.masks[0], truth)
    assert (support.names, support.category) == (("a",), "dog")
    assert support.format == "a COCO file"


def test_as_cvat_exports_it(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    """Two folders, masks as crowds, tracks among the attributes."""
    for number in (0, 5):
        snap(f"images/default/frame_{number:06d}.PNG", number)
    masks = {"size": [48, 64], "counts": runs(truth)}
    told = {"occluded": False, "rotation": 0.0, "track_id": 0, "keyframe": True}
    value = content(
        annotation(segmentation=masks, iscrowd=1, attributes=told),
        annotation(id=2, image_id=2, segmentation=masks, iscrowd=1, attributes=told),
        licenses=[{"name": "", "id": 0, "url": ""}],
        info={"contributor": "", "date_created": ""},
    )
    value["images"] = [
        {
            **{"id": i + 1, "width": 64, "height": 48, "file_name": f"frame_{n:06d}.PNG"},
            **{"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0},
        }
        for i, n in enumerate((0, 5))
    ]
    write(tmp_path / "s" / "annotations" / "instances_default.json", value)
    support = read(tmp_path)
    assert support.names == ("frame_000000", "frame_000005")
    for mask in support.masks:
        np.testing.assert_array_equal(mask, truth)


@pytest.mark.parametrize(
    "name",
    [
        "images\\cb0618f6-a.jpg",
        "images/cb0618f6-a.jpg",
        "..\\..\\label-studio\\media\\upload\\4\\cb0618f6-a.jpg",
        "/data/upload/4/cb0618f6-a.jpg",
    ],
)
def test_as_label_studio_exports_it(tmp_path: Path, snap: Snap, truth: Mask, name: str) -> None:
    """result.json with paths of another machine; ids count from 0; no iscrowd of RLE."""
    snap("images/cb0618f6-a.jpg")
    value = content(annotation(id=0, image_id=0, category_id=0), name=name)
    value["images"][0]["id"] = 0
    value["categories"] = [{"id": 0, "name": "dog"}]
    write(tmp_path / "s" / "result.json", value)
    np.testing.assert_array_equal(read(tmp_path).masks[0], truth)


def test_as_roboflow_exports_it(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    """_annotations.coco.json beside the images, and a category of all categories."""
    name = "a_jpg.rf.0123456789abcdef.jpg"
    snap(name)
    value = content(annotation(id=0, image_id=0, area=480), name=name)
    value["images"][0] = {**value["images"][0], "id": 0, "extra": {"name": "a.jpg"}}
    value["categories"] = [
        {"id": 0, "name": "dogs", "supercategory": "none"},
        {"id": 1, "name": "dog", "supercategory": "dogs"},
    ]
    write(tmp_path / "s" / "_annotations.coco.json", value)
    np.testing.assert_array_equal(read(tmp_path).masks[0], truth)


def test_parts_of_one_annotation_are_one_object(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    snap("a.jpg")
    far = [50.0, 40.0, 60.0, 40.0, 60.0, 46.0, 50.0, 46.0]
    write(tmp_path / "s" / "a.json", content(annotation(segmentation=[OUTLINE, far])))
    whole = truth.copy()
    whole[40:46, 50:60] = True
    np.testing.assert_array_equal(read(tmp_path).masks[0], whole)


def test_tracks_tell_objects_of_one_kind_apart(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    far = [50.0, 40.0, 60.0, 40.0, 60.0, 46.0, 50.0, 46.0]
    snap("a.jpg")
    path = tmp_path / "s" / "a.json"
    write(path, content(annotation(), annotation(id=2, segmentation=[far])))
    with pytest.raises(DataError, match="a has 2 outlines of 'dog', and the sentence can mean one"):
        read(tmp_path)
    write(
        path,
        content(annotation(track_id=3), annotation(id=2, segmentation=[far], track_id="4")),
    )
    with pytest.raises(DataError, match="the masks hold objects 3, 4; say which one with object_i"):
        read(tmp_path)
    (tmp_path / "s" / "support.toml").write_text("object_id = 3\n")
    np.testing.assert_array_equal(read(tmp_path).masks[0], truth)
    (tmp_path / "s" / "support.toml").write_text("object_id = 9\n")
    with pytest.raises(
        DataError, match=r"no outline of it is of group or track 9 \(there are 3, 4"
    ):
        read(tmp_path)
    write(path, content(annotation(track_id=0), annotation(id=2, segmentation=[far], track_id=700)))
    for number, mask in ((0, truth), (700, None)):
        (tmp_path / "s" / "support.toml").write_text(f"object_id = {number}\n")
        found = read(tmp_path)
        assert found.object_id == number and (found.masks[0] == truth).all() == (mask is truth)
    write(path, content(annotation(track_id=3), annotation(id=2, segmentation=[far])))
    (tmp_path / "s" / "support.toml").unlink()
    with pytest.raises(DataError, match="some outlines of 'dog' have a track or group and some "):
        read(tmp_path)


def test_images_without_the_object_are_left_out_and_said(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    value = content(annotation(), annotation(id=2, image_id=2, category_id=2))
    value["images"] += [
        {"id": i, "width": 64, "height": 48, "file_name": f"{i}.jpg"} for i in (2, 3)
    ]
    for name in ("a.jpg", "2.jpg", "3.jpg"):
        snap(name)
    write(tmp_path / "s" / "a.json", value)
    (tmp_path / "s" / "support.toml").write_text('category = "Dog"\n')
    support = read(tmp_path)
    assert support.names == ("a",)
    assert [remark.partition(": ")[2] for remark in support.remarks] == [
        "1 of 3 images have no annotation and are left out",
        "1 of 2 images do not show the object and are left out",
    ]


def test_of_two_pictures_of_one_name_the_path_tells(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    first, _ = snap("one/a.jpg", 1), snap("two/a.jpg", 2)
    path = write(tmp_path / "s" / "a.json", content(annotation(), name="one/a.jpg"))
    support = read(tmp_path)
    other = load_support_of(first)
    np.testing.assert_array_equal(support.frames[0], other)
    write(path, content(annotation()))
    with pytest.raises(DataError, match="a.jpg could be .*one/a.jpg or .*two/a.jpg; rename one"):
        read(tmp_path)


def load_support_of(path: Path) -> NDArray[np.uint8]:
    from stages.data.images import read_rgb

    return read_rgb(path)


def test_no_picture_outside_is_read(tmp_path: Path, snap: Snap) -> None:
    snap("b.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "s" / "b.jpg").read_bytes())
    write(tmp_path / "s" / "a.json", content(annotation(), name="../a.jpg"))
    with pytest.raises(MissingError, match="its image ../a.jpg is not in the folder; add it"):
        read(tmp_path)
    (tmp_path / "s" / "a.jpg").symlink_to(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="a.jpg: a link leads out of the support folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (content(annotation(segmentation=[])), "annotation 1: has a box and no outline"),
        (content(annotation(segmentation=[[1, 2, 3]])), "annotation 1: the outline is no list of"),
        (content(annotation(segmentation=[[1, 2, 3, 4]])), "annotation 1: the outline has no area"),
        (
            content(annotation(segmentation={"size": [48, 64], "counts": [5]})),
            "annotation 1: malformed run-length mask",
        ),
        (
            content(annotation(segmentation={"size": [4, 4], "counts": [16]})),
            "annotation 1: the mask's size is not its picture's",
        ),
        (
            content(annotation(segmentation=[[0.1, 0.1, 0.6, 0.1, 0.3, 0.4]])),
            "annotation 1: the outline covers no pixel of its picture; give its points in pixels",
        ),
        (content(annotation(category_id=9)), "annotation 1: category 9 is not listed; add it"),
        (content(annotation(image_id=9)), "annotation 1: image 9 is not listed; add it"),
        (content(), "no image has an annotation; mark the object on some"),
        (content(annotation(image_id=None)), "image_id: expected a number or text, found nothing"),
        ({"images": [], "annotations": []}, "categories is missing; add it"),
        (content(annotation(), images="x"), "images: expected a list, found text"),
        (
            content(annotation(), images=[{"id": 1, "file_name": "a.jpg", "width": 9}]),
            "image 1: the mask has 9 x 48 pixels, its image 64 x 48",
        ),
    ],
)
def test_faults_are_named(tmp_path: Path, snap: Snap, value: dict[str, Any], says: str) -> None:
    snap("a.jpg")
    path = write(tmp_path / "s" / "a.json", value)
    support, faults = scan_support(tmp_path / "s", expression="x")
    assert support is None
    said = [str(fault) for fault in faults]
    assert says in said[0] and str(path.parent) in said[0]
    assert all(isinstance(fault, FsrvosError) for fault in faults)
    assert not any("\n" in line or "pydantic" in line for line in said)


def test_two_files_and_two_formats(tmp_path: Path, snap: Snap) -> None:
    snap("a.jpg")
    for name in ("a", "b"):
        write(tmp_path / "s" / f"{name}.json", content(annotation()))
    with pytest.raises(DataError, match="holds a.json and b.json; keep one COCO file"):
        read(tmp_path)
    write(tmp_path / "s" / "b.json", {"shapes": []})
    with pytest.raises(DataError, match="holds a COCO file and LabelMe files; keep one of them"):
        read(tmp_path)
