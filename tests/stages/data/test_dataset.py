"""The index: what it reads, and every way in which it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset, Expression
from stages.data.index import load_dataset, scan

Edit = Callable[..., None]


def test_index_holds_what_the_files_say(dataset: Dataset) -> None:
    video = dataset.videos["ant1"]
    assert dataset.categories == ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen")
    assert video.frames == ("00000", "00005", "00010", "00015", "00020", "00025")
    assert dict(video.objects) == {1: "ant", 2: "ant", 3: "bee"}
    assert video.category == "ant"
    assert video.expressions[0] == Expression("ant1", "0", "the bee behind", 3)
    assert [e.id for e in video.targets] == ["1", "2"]
    assert dataset.by_category["ant"] == ("ant0", "ant1", "ant2", "ant3")


def test_category_is_that_of_the_last_listed_expression(root: Path, edit_words: Edit) -> None:
    edit_words("videos", "ant0", "expressions", "9", {"exp": "the bee", "obj_id": 3})
    assert load_dataset(root).videos["ant0"].category == "bee"


def test_masks_are_ids_and_frames_are_rgb(root: Path) -> None:
    path = root / "train" / "JPEGImages" / "ant1" / "00005.jpg"
    path.unlink()
    Image.new("RGB", (40, 24), (250, 5, 5)).save(path, quality=95)
    dataset = load_dataset(root)
    ids = dataset.masks("ant1", 1)
    assert ids.dtype == np.uint8 and ids.shape == (24, 40)
    assert (ids[2:8, 3:9] == 1).all() and (ids[12:18, 11:17] == 2).all() and ids[0, 0] == 0
    assert dataset.present("ant1", 1) == {1, 2, 3}
    frame = dataset.frame("ant1", 1)
    assert frame.shape == (24, 40, 3)
    assert np.abs(frame.astype(int) - (250, 5, 5)).max() < 6


def test_other_image_suffixes_are_found(root: Path) -> None:
    for path in (root / "train" / "JPEGImages" / "ant0").iterdir():
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    assert load_dataset(root).frame("ant0", 0).shape == (24, 40, 3)


def test_classes_file_orders_the_ids(root: Path) -> None:
    names = ["hen", "gnu", "fox", "eel", "dog", "cat", "bee", "ant", "yak"]
    (root / "classes.json").write_text(str(names).replace("'", '"'))
    assert load_dataset(root).categories == tuple(names)


def test_the_48_official_classes_keep_their_order(
    tmp_path: Path, root: Path, edit_meta: Edit, edit_words: Edit
) -> None:
    assert len(set(OFFICIAL_CLASSES)) == 48
    frames = ["00000"]
    for number, name in enumerate(sorted(OFFICIAL_CLASSES)):
        video = f"v{number}"
        edit_meta("videos", video, {"objects": {"1": {"category": name}}})
        entry = {"frames": frames, "expressions": {"0": {"exp": name, "obj_id": "1"}}}
        edit_words("videos", video, entry)
        for folder in ("JPEGImages", "Annotations"):
            (root / "train" / folder / video).symlink_to(root / "train" / folder / "ant0")
    for category in ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"):
        for i in range(4):
            edit_meta("videos", f"{category}{i}", ...)
            edit_words("videos", f"{category}{i}", ...)
    assert load_dataset(root).categories == OFFICIAL_CLASSES


REFUSALS: list[tuple[str, tuple[object, ...], type[FsrvosError], str]] = [
    ("words", ("videos", {}), DataError, "lists no video"),
    ("words", ("videos", []), DataError, "expected a JSON object, found a list"),
    ("words", ("videos", "ant0", 5), DataError, "expected a JSON object, found a number"),
    ("words", ("videos", "ant0", "frames", []), DataError, "non-empty list"),
    ("words", ("videos", "ant0", "frames", ["../x"]), DataError, "'../x' leaves the folder"),
    ("words", ("videos", "ant0", "frames", [3]), MissingError, "frames must be text, such as"),
    ("words", ("videos", "ant0", "frames", [3.5]), DataError, "frame 3.5 must be text"),
    ("words", ("videos", "ant0", "frames", ["00000", "00000"]), DataError, "listed twice"),
    ("words", ("videos", "ant0", "frames", ["00000", "77777"]), MissingError, "77777.jpg: no such"),
    ("words", ("videos", "../ant0", {}), DataError, "leaves the dataset's folder"),
    ("words", ("videos", "ant0", "expressions", {}), DataError, "no usable expression"),
    ("words", ("videos", "ant0", "expressions", "0", "exp", "  "), DataError, "is empty"),
    ("words", ("videos", "ant0", "expressions", "0", "exp", "x" * 5000), DataError, "5000 charac"),
    ("words", ("videos", "ant0", "expressions", "0", "exp", None), DataError, "is empty"),
    (
        "words",
        ("videos", "ant0", "expressions", "0", "exp", "a fish \ud83d"),
        DataError,
        "not UTF-8",
    ),
    (
        "words",
        ("videos", "ant0", "expressions", "\ud83d", {"exp": "x", "obj_id": "1"}),
        DataError,
        "the id holds bytes that are not UTF-8",
    ),
    ("words", ("videos", "ant0", "expressions", "0", "obj_id", "7"), DataError, "object 7 is not"),
    ("words", ("videos", "ant0", "expressions", "0", "obj_id", "x"), DataError, "whole number"),
    ("words", ("videos", "ant0", "expressions", "0", "obj_id", 256), DataError, "whole number"),
    ("words", ("videos", "ant0", "expressions", "0", "obj_id", True), DataError, "whole number"),
    ("meta", ("videos", "ant0", ...), DataError, "'ant0' is missing"),
    ("meta", ("videos", "ant0", "objects", "1", "category", ""), DataError, "category is empty"),
    ("meta", ("videos", "ant0", "objects", "0", {"category": "x"}), DataError, "whole number"),
    ("meta", ("videos", ...), DataError, "meta.json: videos is missing; add it"),
]


@pytest.mark.parametrize(("which", "spot", "kind", "says"), REFUSALS)
def test_refuses_in_one_line(
    root: Path,
    edit_meta: Edit,
    edit_words: Edit,
    which: str,
    spot: tuple[object, ...],
    kind: type[FsrvosError],
    says: str,
) -> None:
    (edit_meta if which == "meta" else edit_words)(*spot)
    with pytest.raises(kind) as caught:
        load_dataset(root)
    message = str(caught.value)
    assert says in message and "\n" not in message and str(root) in message
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "name", ["train/meta.json", "meta_expressions/train/meta_expressions.json"]
)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"videos": {', "malformed JSON at line 1"),
        (b"\xff\xfe\x00", "not a UTF-8 JSON file"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "expected a JSON object, found a list"),
    ],
)
def test_malformed_json(root: Path, name: str, content: bytes, says: str) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        load_dataset(root)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_missing_folder_and_files(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such dataset folder"):
        load_dataset(tmp_path / "nothing")
    (root / "train" / "meta.json").unlink()
    with pytest.raises(MissingError, match="meta.json: no such file"):
        load_dataset(root)


def test_missing_mask_is_named_and_the_rest_counted(root: Path) -> None:
    masks = root / "train" / "Annotations"
    (masks / "ant0" / "00010.png").unlink()
    (masks / "bee1" / "00000.png").unlink()
    with pytest.raises(MissingError) as caught:
        load_dataset(root)
    assert "ant0/00010.png: no such mask" in str(caught.value)
    assert f"(and 1 more: fsrvos data check {root})" in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "folder", "json", "classes", "loop"])
def test_links_that_leave_the_folder(root: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    video = root / "train" / "JPEGImages" / "ant0"
    if kind == "folder":
        video.rename(outside / "ant0")
        video.symlink_to(outside / "ant0")
    elif kind == "loop":
        (video / "00000.jpg").unlink()
        (video / "00000.jpg").symlink_to(video / "00000.jpg")
    else:
        name = {"file": "train/JPEGImages/ant0/00000.jpg", "json": "train/meta.json"}
        path = root / name.get(kind, "classes.json")
        if kind == "classes":
            path.write_text("[]")
        path.rename(outside / path.name)
        path.symlink_to(outside / path.name)
    with pytest.raises(DataError, match="a link leads out of the dataset's folder"):
        load_dataset(root)


def test_a_link_inside_the_folder_is_fine(root: Path, tmp_path: Path) -> None:
    path = root / "train" / "JPEGImages" / "ant0" / "00000.jpg"
    path.rename(path.with_name("real.jpg"))
    path.symlink_to("real.jpg")
    (tmp_path / "alias").symlink_to(root)
    assert load_dataset(tmp_path / "alias").frame("ant0", 0).shape == (24, 40, 3)


@pytest.mark.parametrize("content", ["{}", "[1]", '[""]', '["ant", "ant"]', '["ant"]'])
def test_classes_file_is_checked(root: Path, content: str) -> None:
    (root / "classes.json").write_text(content)
    with pytest.raises(DataError, match=r"classes\.json: "):
        load_dataset(root)


def test_unreadable_pixels(root: Path) -> None:
    dataset = load_dataset(root)
    image = dataset.frame_path("ant0", "00000")
    mask = dataset.mask_path("ant0", "00000")
    image.unlink()
    mask.unlink()
    for content in (b"", b"not an image"):
        image.write_bytes(content)
        mask.write_bytes(content)
        with pytest.raises(DataError, match="not a readable image"):
            dataset.frame("ant0", 0)
        with pytest.raises(DataError, match="not a readable mask image"):
            dataset.masks("ant0", 0)
    Image.new("RGB", (40, 24)).save(mask)
    with pytest.raises(DataError, match="mode RGB"):
        dataset.masks("ant0", 0)
    image.unlink()
    mask.unlink()
    with pytest.raises(MissingError, match="no such image"):
        dataset.frame("ant0", 0)
    with pytest.raises(MissingError, match="no such mask"):
        dataset.masks("ant0", 0)


def test_truncated_mask_is_refused(root: Path) -> None:
    dataset = load_dataset(root)
    path = dataset.mask_path("ant0", "00000")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-40])
    with pytest.raises(DataError, match="not a readable mask image"):
        dataset.masks("ant0", 0)


def test_frames_are_in_the_order_of_their_numbers(
    root: Path, edit_words: Edit, photograph: Callable[..., None], paint: Callable[..., None]
) -> None:
    names = [str(i) for i in range(12)]
    for i, name in enumerate(names):
        photograph(root / "train" / "JPEGImages" / "ant0" / f"{name}.png", i)
        ids = np.full((24, 40), 1 if i % 2 else 3, dtype=np.uint8)
        paint(root / "train" / "Annotations" / "ant0" / f"{name}.png", ids)
    for frames in (names, names[::-1], list(range(12))):  # numbers are read as the names they are
        edit_words("videos", "ant0", "frames", frames)
        dataset = load_dataset(root)
        assert dataset.videos["ant0"].frames == tuple(names)
        for i in range(12):
            want = np.random.default_rng(i).integers(0, 256, (24, 40, 3), dtype=np.uint8)
            np.testing.assert_array_equal(dataset.frame("ant0", i), want)
            assert dataset.present("ant0", i) == {1 if i % 2 else 3}


def test_case_does_not_matter(root: Path, edit_words: Edit) -> None:
    before = load_dataset(root).frame("ant0", 0)
    for folder in ("JPEGImages", "Annotations"):
        for path in list((root / "train" / folder / "ant0").iterdir()):
            path.rename(path.with_name(f"F{path.stem}{path.suffix.upper()}"))
    edit_words("videos", "ant0", "frames", [f"f{5 * i:05d}" for i in range(6)])
    dataset = load_dataset(root)
    np.testing.assert_array_equal(dataset.frame("ant0", 0), before)
    assert dataset.present("ant0", 0) == {1, 3}


def test_marks_of_windows_and_files_of_macos(root: Path) -> None:
    before = load_dataset(root).digest
    for name in ("train/meta.json", "meta_expressions/train/meta_expressions.json"):
        (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes())
    for folder in ("JPEGImages", "Annotations"):
        (root / "train" / folder / "ant0" / "._00000.jpg").write_bytes(b"\x00\x05\x16\x07")
    assert load_dataset(root).digest == before


def test_every_fault_of_an_entry_is_found_at_once(
    root: Path, edit_words: Edit, edit_meta: Edit
) -> None:
    edit_words("videos", "ant0", "expressions", "0", {"exp": " ", "obj_id": "x"})
    edit_words("videos", "ant0", "expressions", "1", [])
    edit_words("videos", "ant0", "frames", [True])
    edit_meta("videos", "ant0", "objects", "1", {"category": 3})
    edit_meta("videos", "ant0", "objects", "300", {"category": "x"})
    edit_meta("videos", "ant1", "objects", [])
    edit_words("videos", "ant1", "expressions", "0", "exp", None)
    _, faults = scan(root)
    said = [str(fault) for fault in faults]
    for says in (
        "video 'ant0': frame True must be text",
        "video 'ant0': object '1': the category is empty",
        "video 'ant0': object '300': object id '300' must be a whole number from 1 to 255",
        "video 'ant1': objects: expected a JSON object, found a list",
    ):
        assert sum(says in line for line in said) == 1, (says, said)
    assert not any("\n" in line or "pydantic" in line for line in said)
