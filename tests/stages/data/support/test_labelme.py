"""LabelMe's files: each kind of shape, groups, the picture inside the JSON."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.support import load_support, scan_support

Mask = NDArray[np.bool_]
Snap = Callable[..., Path]
# The truth's outline, corner by corner, in pixels from the upper left corner.
CORNERS = [[10, 8], [26, 8], [26, 14], [34, 14], [34, 30], [10, 30]]


def shape(label: str = "dog", **fields: Any) -> dict[str, Any]:
    """As LabelMe 5 writes it."""
    empty = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {"label": label, "points": CORNERS, "shape_type": "polygon", **empty, **fields}


def write(path: Path, *shapes: dict[str, Any], **fields: Any) -> Path:
    content = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imageData": None}
    size = {"imagePath": f"{path.stem}.jpg", "imageHeight": 48, "imageWidth": 64}
    path.write_text(json.dumps({**content, **size, **fields}))
    return path


def png(mask: Mask) -> str:
    data = io.BytesIO()
    Image.fromarray(mask).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_polygons_are_filled(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    for name in "ab":
        write(snap(f"{name}.jpg").with_suffix(".json"), shape())
    support = load_support(tmp_path / "s", expression="a white dog")
    assert support.names == ("a", "b") and support.category == "dog"
    assert support.format == "LabelMe files"
    for mask in support.masks:
        np.testing.assert_array_equal(mask, truth)


def test_every_kind_of_shape_with_an_area(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    inner = truth[8:30, 10:34]
    for name, fields in (
        ("box", {"shape_type": "rectangle", "points": [[30, 40], [4, 2]]}),
        ("disc", {"shape_type": "circle", "points": [[32, 24], [32, 34]]}),
        ("painted", {"shape_type": "mask", "points": [[10, 8], [33, 29]], "mask": png(inner)}),
    ):
        write(snap(f"{name}.jpg").with_suffix(".json"), shape(**fields))
    support = load_support(tmp_path / "s", expression="x")
    found = dict(zip(support.names, support.masks, strict=True))
    box = np.zeros((48, 64), bool)
    box[2:40, 4:30] = True
    np.testing.assert_array_equal(found["box"], box)
    np.testing.assert_array_equal(found["painted"], truth)
    assert found["disc"].sum() == pytest.approx(np.pi * 100, rel=0.02)
    rows, columns = np.nonzero(found["disc"])
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((24, 32), abs=0.1)


def test_a_group_is_one_object_and_two_outlines_are_not(
    tmp_path: Path, snap: Snap, truth: Mask
) -> None:
    far = [[50, 40], [60, 40], [60, 46], [50, 46]]
    path = snap("a.jpg").with_suffix(".json")
    write(path, shape(), shape(points=far))
    with pytest.raises(DataError, match="a has 2 outlines of 'dog', and the sentence can mean one"):
        load_support(tmp_path / "s", expression="x")
    write(path, shape(group_id=4), shape(group_id=4, points=far), shape(group_id=5))
    with pytest.raises(DataError, match="the masks hold objects 4, 5; say which one with object_i"):
        load_support(tmp_path / "s", expression="x")
    (tmp_path / "s" / "support.toml").write_text('expression = "x"\nobject_id = 4\n')
    whole = truth.copy()
    whole[40:46, 50:60] = True
    np.testing.assert_array_equal(load_support(tmp_path / "s").masks[0], whole)


def test_category_chooses_among_labels(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    cat = shape("cat", points=[[50, 40], [60, 40], [60, 46]])
    write(snap("a.jpg").with_suffix(".json"), shape("Dog"), cat)
    write(snap("b.jpg").with_suffix(".json"), cat)
    notes = tmp_path / "s" / "support.toml"
    with pytest.raises(DataError, match="outlines are labelled 'Dog', 'cat'; say which one with c"):
        load_support(tmp_path / "s", expression="x")
    notes.write_text('expression = "x"\ncategory = "dog"\n')
    support = load_support(tmp_path / "s")
    assert support.names == ("a",)
    np.testing.assert_array_equal(support.masks[0], truth)
    assert "1 of 2 images do not show the object and are left out" in support.remarks[-1]
    notes.write_text('expression = "x"\ncategory = "cow"\n')
    with pytest.raises(DataError, match=r"nothing is labelled 'cow' \(labels: Dog, cat\)"):
        load_support(tmp_path / "s")


def test_the_picture_may_lie_in_the_file(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    picture = snap("a.png")
    data = base64.b64encode(picture.read_bytes()).decode()
    with Image.open(picture) as opened:
        want = np.asarray(opened)
    path = write(picture.with_suffix(".json"), shape(), imageData=data, imagePath="..\\x\\a.png")
    picture.unlink()
    support = load_support(tmp_path / "s", expression="x")
    np.testing.assert_array_equal(support.frames[0], want)
    np.testing.assert_array_equal(support.masks[0], truth)
    write(path, shape())
    with pytest.raises(MissingError, match="a.json: its image is not beside it; add a.jpg"):
        load_support(tmp_path / "s", expression="x")


def test_shapes_without_area_are_left_out_and_said(tmp_path: Path, snap: Snap, truth: Mask) -> None:
    line = shape(shape_type="linestrip", points=[[1, 1], [5, 5]])
    write(snap("a.jpg").with_suffix(".json"), line, shape())
    support = load_support(tmp_path / "s", expression="x")
    np.testing.assert_array_equal(support.masks[0], truth)
    assert "a.json: shape 1 is a linestrip, which has no area; left out" in support.remarks[0]


@pytest.mark.parametrize(
    ("shapes", "fields", "says"),
    [
        ([shape(points=[[1, 2], [3, 4]])], {}, "shape 1: the polygon has too few points"),
        ([shape(points=[[1, 2], [3, 4], [5]])], {}, "shape 1: a point is not x and y"),
        ([shape(points=[[1, 2], [3, 4], [5, "x"]])], {}, "expected a number, found text"),
        (
            [shape(points=[[0.1, 0.1], [0.6, 0.1], [0.3, 0.4]])],
            {},
            "covers no pixel of its picture",
        ),
        ([shape(points=[[1, 1], [1e6, 1], [3, 3]])], {}, "a point lies far outside of its picture"),
        ([shape(label=" ")], {}, "the category is empty; name it"),
        ([shape(points=None)], {}, "points: expected a list, found nothing"),
        ([shape()], {"imageHeight": 99}, "the mask has 64 x 99 pixels, its image 64 x 48"),
        ([shape(shape_type="mask", points=[[1, 1], [2, 2]], mask="@")], {}, "is not base64"),
        (
            [shape(shape_type="mask", points=[[60, 1], [70, 9]], mask=png(np.ones((9, 10), bool)))],
            {},
            "its mask reaches out of the picture",
        ),
        (
            [shape(shape_type="mask", points=[[1, 1], [2, 2]], mask="AAAA")],
            {},
            "its mask is not a readable image",
        ),
        ([], {}, "every mask is all background"),
    ],
)
def test_faults_are_one_line_each(
    tmp_path: Path, snap: Snap, shapes: list[dict[str, Any]], fields: dict[str, Any], says: str
) -> None:
    write(snap("a.jpg").with_suffix(".json"), *shapes, **fields)
    support, faults = scan_support(tmp_path / "s", expression="x")
    assert support is None
    (fault,) = faults
    assert isinstance(fault, FsrvosError)
    assert says in str(fault) and "\n" not in str(fault) and str(tmp_path) in str(fault)
