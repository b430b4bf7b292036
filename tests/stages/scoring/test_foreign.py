"""Masks of other programs: every layout, every fault by its name, and back from our own."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, UsageError
from stages.data.rle import encode_rle
from stages.export import export
from stages.predictions import read_predictions
from stages.score import score, score_foreign

R = Any  # the Rectangles fixture; test modules cannot import from a conftest
VIDEOS = {"v0": (1,), "v1": (1, 2), "v2": (1,)}
LAYOUTS = {
    "ref-youtube-vos": ("folder", "masks.zip"),
    "davis": ("folder", "masks.zip"),
    "coco-rle": ("masks.json",),
    "coco-runs": ("masks.json",),
}


@pytest.fixture
def theirs(rectangles: R) -> Path:
    """Masks of every expression in the submission layout, two pixels off in one video."""
    root = rectangles.folder / "theirs"
    for video, objects in VIDEOS.items():
        for number in objects:
            masks = rectangles.truth(video, number)
            if video == "v1":
                masks = np.roll(masks, 2, axis=2)
            home = root / "Annotations" / video / str(number - 1)
            home.mkdir(parents=True)
            for name, mask in zip(frames(rectangles, video), masks, strict=True):
                Image.fromarray(mask.astype(np.uint8) * 255).save(home / f"{name}.png")
    return root


def frames(r: R, video: str) -> list[str]:
    return sorted(path.stem for path in (r.root / "train/Annotations" / video).iterdir())


def scored(r: R, source: Path, **options: Any) -> Any:
    return score_foreign(source=source, data_root=r.root, out=r.folder / "out", jobs=1, **options)


def test_a_submission_is_scored_by_name(rectangles: R, theirs: Path) -> None:
    (theirs / "Annotations" / ".DS_Store").write_bytes(b"what a Mac leaves")
    (theirs / "__MACOSX").mkdir()
    (theirs / "__MACOSX" / "._00000.png").write_bytes(b"likewise")
    found = scored(rectangles, theirs)
    off = 100 * 8 / 12
    assert found.overall.J == pytest.approx((100 + off + off + 100) / 4)
    assert found.per_video["v1"].J == pytest.approx(off)
    folder = rectangles.folder / "out"
    rows = list(csv.DictReader((folder / "score.csv").read_text().splitlines()))
    assert [(row["video"], row["expression"]) for row in rows] == [
        ("v0", "0"),
        ("v1", "0"),
        ("v1", "1"),
        ("v2", "0"),
    ]
    assert [float(row["J"]) for row in rows] == pytest.approx([100, off, off, 100], abs=1e-3)
    page = (folder / "score.md").read_text()
    assert f"| all | {found.overall.J:.1f} |" in page and "theirs on rectangles" in page
    assert json.loads((folder / "score.json").read_text())["layout"] == "a folder an expression"


def test_the_order_of_files_does_not_matter(rectangles: R, theirs: Path) -> None:
    plain = scored(rectangles, theirs)
    packed = rectangles.folder / "theirs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(theirs.rglob("*.png"), reverse=True):
            archive.write(path, Path("some/folder") / path.relative_to(theirs))
    assert scored(rectangles, packed).overall == plain.overall


def test_one_object_after_another_in_davis_s_layout(rectangles: R) -> None:
    r = rectangles
    source = r.folder / "davis"
    for video in VIDEOS:
        shutil.copytree(r.root / "train/Annotations" / video, source / video)
    found = scored(r, source, protocol="davis2017")
    assert (found.overall.J, found.overall.F, found.overall.n) == (100, 100, 4)
    assert {len(item.frames) for item in found.episodes} == {1, 2}  # of 3 and of 4 frames


def spoil_missing(source: Path) -> None:
    (source / "Annotations/v0/0/00005.png").unlink()


def spoil_extra(source: Path) -> None:
    home = source / "Annotations/v0/0"
    shutil.copy(home / "00005.png", home / "00006.png")


def spoil_size(source: Path) -> None:
    path = source / "Annotations/v0/0/00005.png"
    Image.open(path).resize((20, 12), Image.Resampling.NEAREST).save(path)


def spoil_sides(source: Path) -> None:
    path = source / "Annotations/v0/0/00005.png"
    Image.open(path).transpose(Image.Transpose.TRANSPOSE).save(path)


def spoil_edges(source: Path) -> None:
    path = source / "Annotations/v0/0/00005.png"
    small = Image.open(path).resize((20, 12), Image.Resampling.BILINEAR)
    small.resize((40, 24), Image.Resampling.BILINEAR).save(path)


def spoil_colour(source: Path) -> None:
    path = source / "Annotations/v0/0/00005.png"
    Image.open(path).convert("RGB").save(path)


def spoil_kind(source: Path) -> None:
    path = source / "Annotations/v0/0/00005.png"
    Image.open(path).save(path.with_suffix(".jpg"))


def spoil_video(source: Path) -> None:
    (source / "Annotations/v0").rename(source / "Annotations/v9")


def spoil_expression(source: Path) -> None:
    shutil.copytree(source / "Annotations/v0/0", source / "Annotations/v0/7")


def spoil_query(source: Path) -> None:
    shutil.rmtree(source / "Annotations/v1/1")


def spoil_file(source: Path) -> None:
    (source / "Annotations/v0/0/00005.png").write_bytes(b"\x89PNG cut short")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_missing, r"v0/0: no mask of frame '00005' \(1 of 4"),
        (spoil_extra, r"v0/0: frame '00006' is none of the video's 4 \(1 such\)"),
        (spoil_size, r"v0/0: the mask of frame '00005' is 20x12 where 40x24 is due;"),
        (spoil_sides, r"24x40 where 40x24 is due, with height and width exchanged"),
        (spoil_edges, r"v0/0/00005.png: holds the values .*anti-aliased"),
        (spoil_colour, r"v0/0/00005.png: the mask has mode RGB"),
        (spoil_kind, r"00005.jpg: a mask must be a PNG"),
        (spoil_video, r"'v9' is no video of"),
        (spoil_expression, r"v0/7: video 'v0' has no expression '7'"),
        (spoil_query, r"no masks of video 'v1', expression '1' \(1 of 4 queries"),
        (spoil_file, r"v0/0/00005.png: not a readable mask image"),
    ],
)
def test_what_does_not_fit_is_named(
    rectangles: R, theirs: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(theirs)
    with pytest.raises(DataError, match=said):
        scored(rectangles, theirs)
    assert not (rectangles.folder / "out").exists()


def test_smoothed_ids_are_named(rectangles: R) -> None:
    r = rectangles
    source = r.folder / "davis"
    for video in VIDEOS:
        shutil.copytree(r.root / "train/Annotations" / video, source / video)
    path = source / "v1" / "00005.png"
    ids = np.array(Image.open(path))
    ids[0, 0] = 3
    Image.fromarray(ids).save(path)
    with pytest.raises(DataError, match=r"v1/00005.png: marks object 3, .*it has 1, 2"):
        scored(r, source)


def test_protocols_leave_out_and_average_as_documented(rectangles: R, theirs: Path) -> None:
    """First and last frames spoilt: they count for davis, and not for davis2017."""
    r = rectangles
    home = theirs / "Annotations/v0/0"
    for name in ("00000", "00015"):
        Image.fromarray(np.zeros((24, 40), np.uint8)).save(home / f"{name}.png")
    off = 100 * 8 / 12
    assert scored(r, theirs).per_video["v0"].J == pytest.approx(50)
    inner = scored(r, theirs, protocol="davis2017")
    assert inner.per_video["v0"].J == pytest.approx(100)
    assert inner.overall.J == pytest.approx((100 + off + off + 100) / 4)
    pooled = scored(r, theirs, protocol="paper")
    assert pooled.overall.J == pytest.approx((200 + 8 * off + 300) / 15)


def test_several_sentences_about_an_object_count_once_by_object(rectangles: R) -> None:
    """davis2017: object 1 of v0 is asked twice, right and empty: the object scores 50."""
    r = rectangles
    empty = np.zeros_like(r.truth("v0"))
    again = r.predict(("model", 0, 1), "v0", empty)
    path = r.write(
        [r.predict(("model", 0, 0), "v0"), again, r.predict(("model", 0, 2), "v2")],
        protocol="davis",
    )
    by_expression = score(predictions=path, data_root=r.root, jobs=1).overall.J
    by_object = score(predictions=path, data_root=r.root, protocol="davis2017", jobs=1).overall.J
    assert (by_expression, by_object) == (pytest.approx(200 / 3), pytest.approx(75))


@pytest.mark.parametrize(
    ("layout", "name"), [(layout, name) for layout, names in LAYOUTS.items() for name in names]
)
def test_what_is_exported_scores_the_same(rectangles: R, layout: str, name: str) -> None:
    r = rectangles
    made = [
        r.predict(("model", 0, number), video, np.roll(r.truth(video, i), 1 + number, 2), i)
        for number, (video, i) in enumerate([("v0", 1), ("v1", 1), ("v1", 2), ("v2", 1)])
    ]
    ours = score(predictions=r.write(made, protocol="davis"), data_root=r.root, jobs=1)
    out = r.folder / name
    export(predictions=r.folder / "predictions.h5", out=out, layout=layout)
    found = scored(r, out)
    assert (found.overall.J, found.overall.F) == (ours.overall.J, ours.overall.F)
    again = {p.info.video + p.info.expression_id: p.masks for p in made}
    for said in read_predictions(r.folder / "out/predictions.h5"):
        expected = again[said.info.video + said.info.expression_id]
        np.testing.assert_array_equal(said.masks, expected)


def test_overlapping_objects_go_to_the_surer_one(rectangles: R) -> None:
    r = rectangles
    both = np.ones_like(r.truth("v1"))
    first = r.predict(("model", 0, 0), "v1", both, 1)
    second = r.predict(("model", 0, 1), "v1", both, 2)
    second.presence[:] = [0, 0, 1, 0.9]
    r.write([first, second])
    done = export(predictions=r.folder / "predictions.h5", out=r.folder / "o", layout="davis")
    assert done.overlap == both.size
    won = [np.unique(np.array(Image.open(p))) for p in sorted((r.folder / "o").rglob("*.png"))]
    assert [list(ids) for ids in won] == [[1], [1], [2], [1]]  # presences 0, 1/3, 2/3, 1 of 1


def records(r: R, order: str, video: str = "v0") -> list[dict[str, Any]]:
    found = []
    for name, mask in zip(frames(r, video), r.truth(video), strict=True):
        counts = encode_rle(mask if order == "columns" else mask.T, compact=order == "columns")
        rle = {"size": list(mask.shape), "counts": counts["counts"]}
        found.append({"video": video, "expression": 0, "frame": name, "segmentation": rle})
    return found


@pytest.mark.parametrize("order", ["columns", "rows"])
def test_columns_and_rows_are_told_apart(
    rectangles: R, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    r = rectangles
    path = r.folder / "masks.json"
    path.write_text(json.dumps(records(r, order) + records(r, order, "v2")))
    with pytest.raises(DataError, match="no masks of video 'v1'"):
        scored(r, path)
    path.write_text(
        json.dumps(records(r, order) + records(r, order, "v2") + twin_records(r, order))
    )
    assert scored(r, path).overall.J == 100
    assert ("written by rows" in capsys.readouterr().err) == (order == "rows")


def twin_records(r: R, order: str) -> list[dict[str, Any]]:
    first = records(r, order, "v1")
    second = []
    for record, mask in zip(first, r.truth("v1", 2), strict=True):
        counts = encode_rle(mask if order == "columns" else mask.T, compact=order == "columns")
        rle = {"size": list(mask.shape), "counts": counts["counts"]}
        second.append({**record, "expression": "1", "segmentation": rle})
    return first + second


def test_null_is_an_empty_mask(rectangles: R) -> None:
    r = rectangles
    entries = records(r, "columns") + records(r, "columns", "v2") + twin_records(r, "columns")
    for entry in entries:
        if entry["video"] == "v0":
            entry["segmentation"] = None
    path = r.folder / "masks.json"
    path.write_text(json.dumps(entries))
    assert scored(r, path).per_video["v0"].J == 0


def test_nested_names_and_lists_of_frames_are_read_alike(rectangles: R) -> None:
    r = rectangles
    entries = records(r, "columns") + records(r, "columns", "v2") + twin_records(r, "columns")
    nested: dict[str, Any] = {}
    lists: dict[tuple[str, str], dict[str, Any]] = {}
    for e in entries:
        video, expression = e["video"], str(e["expression"])
        frame, mask = e["frame"], e["segmentation"]
        nested.setdefault(video, {}).setdefault(expression, {})[frame] = mask
        names = {"video": video, "expression": expression, "frames": [], "segmentations": []}
        held = lists.setdefault((video, expression), names)
        held["frames"].append(frame)
        held["segmentations"].append(mask)
    for content in (nested, list(lists.values())):
        path = r.folder / "masks.json"
        path.write_text(json.dumps(content))
        assert scored(r, path).overall.J == 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"v0": [1]}, "found a list; wanted is"),
        ([{"video": "v0", "expression": "0", "segmentations": []}], "without the names of their"),
        (
            [{"video": "v9", "expression": "0", "frame": "a", "segmentation": None}],
            "'v9' is no vid",
        ),
        ([{"expression": "0"}], "entry 0: names no video"),
        ([{"video": "v0", "expression": 0, "frame": 5, "segmentation": None}], "frame 5 must be"),
    ],
)
def test_json_of_another_form_is_refused(rectangles: R, content: Any, said: str) -> None:
    path = rectangles.folder / "masks.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said):
        scored(rectangles, path)


def test_what_an_archive_may_do_to_us_is_refused(rectangles: R) -> None:
    path = rectangles.folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v0/0/00000.png", b"\0" * (65 << 20))
        archive.writestr("../../escape/v0/0/00005.png", b"no")
    with pytest.raises(DataError):
        scored(rectangles, path)
    assert not list(rectangles.folder.parent.glob("**/escape"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="not a whole zip archive"):
        scored(rectangles, path)


def test_fold_and_episodes_say_the_same_thing_once(rectangles: R, theirs: Path) -> None:
    with pytest.raises(UsageError, match="give one of them"):
        scored(rectangles, theirs, fold=1, episodes=theirs / "x.json")
    found = scored(rectangles, theirs, fold=1)
    assert set(found.per_category) == {"cat"}
