"""Builders on small raw trees in the datasets' own layouts."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, MissingError, UsageError
from stages.data import folds
from stages.data.builders import Choices, build
from stages.data.builders.choosing import balance, cap_for
from stages.data.builders.guessing import guess_category, guess_noun
from stages.data.check import check
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.episodes import test_episodes
from stages.data.index import load_dataset
from tests.full_disk import refusal

FRAMES = ["00000", "00005", "00010"]
ROOT = Path(__file__).resolve().parents[3]
SHORT = Choices(least_frames=2, drop_absent=True)


def ids(*objects: int) -> Any:
    """A 24 x 40 mask with a square per object."""
    mask = np.zeros((24, 40), dtype=np.uint8)
    for i, value in enumerate(objects):
        mask[4:12, 2 + 12 * i : 10 + 12 * i] = value
    return mask


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _video(*categories: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A video's entries of meta.json and meta_expressions.json, one expression an object."""
    objects = {str(i + 1): {"category": c} for i, c in enumerate(categories)}
    spoken = {str(i): {"exp": f"a {c}", "obj_id": str(i + 1)} for i, c in enumerate(categories)}
    return {"objects": objects}, {"frames": FRAMES, "expressions": spoken}


@pytest.fixture
def youtube(tmp_path: Path, paint: Callable[..., None], photograph: Callable[..., None]) -> Path:
    """Two dogs, two cats, one bus, and two skateboards, which the class list lacks."""
    source = tmp_path / "raw"
    names = ["dog", "dog", "cat", "cat", "bus", "skateboard", "skateboard"]
    meta, words = {}, {}
    for number, name in enumerate(names):
        video = f"v{number}"
        meta[video], words[video] = _video(name, name)
        for frame in FRAMES:
            photograph(source / "train" / "JPEGImages" / video / f"{frame}.jpg", number)
            paint(source / "train" / "Annotations" / video / f"{frame}.png", ids(1, 2))
    _json(source / "train" / "meta.json", {"videos": meta})
    _json(source / "meta_expressions/train/meta_expressions.json", {"videos": words})
    return source


def test_youtube_takes_the_listed_classes(youtube: Path, tmp_path: Path) -> None:
    (youtube / "train" / "Annotations" / "v1" / "00005.png").unlink()
    out = tmp_path / "new" / "mini"
    report = build("mini-ref-youtube-vos", youtube, out, progress=False)
    assert (report.videos, report.frames, report.expressions) == (4, 11, 8)
    assert report.per_category == {"cat": 2, "dog": 2}
    assert any("'bus' left out: 1 of the 2 videos" in line for line in report.skipped)
    assert "category 'skateboard' is none of the classes: 2 videos" in report.skipped
    assert any("00005.png: no such mask" in line for line in report.skipped)
    dataset = load_dataset(out)
    assert dataset.categories == OFFICIAL_CLASSES and dataset.kind == "mini-ref-youtube-vos"
    assert set(dataset.videos) == {"v0", "v1", "v2", "v3"}
    assert dataset.videos["v1"].frames == ("00000", "00010")
    assert dataset.videos["v0"].category == "dog" and len(dataset.videos["v0"].expressions) == 2
    np.testing.assert_array_equal(dataset.masks("v0", 0), ids(1, 2))
    # ids 25 (cat) and 28 (dog) keep their folds although most classes are absent
    assert folds.test_categories(dataset, 1) == ("cat",)
    assert folds.train_categories(dataset, 1) == ("dog",)
    assert folds.test_categories(dataset, 4) == ("dog",)
    assert check(out, progress=False).sound
    assert {e.category for e in test_episodes(dataset, 1, 0, 2)} == {"cat"}


def _add(source: Path, video: str, *categories: str) -> None:
    """Another video, with the pictures and masks of v0."""
    for folder in ("JPEGImages", "Annotations"):
        shutil.copytree(source / "train" / folder / "v0", source / "train" / folder / video)
    for path, entry in zip(
        (source / "train/meta.json", source / "meta_expressions/train/meta_expressions.json"),
        _video(*categories),
        strict=True,
    ):
        content = json.loads(path.read_text())
        content["videos"][video] = entry
        path.write_text(json.dumps(content))


def test_every_choice_is_counted_and_settable(youtube: Path, tmp_path: Path) -> None:
    _add(youtube, "mixed", "dog", "cat")
    for number in range(6):
        _add(youtube, f"more{number}", "dog", "dog")
    report = build("mini-ref-youtube-vos", youtube, tmp_path / "usual", progress=False)
    assert report.per_category == {"cat": 2, "dog": 8}
    assert report.steps == (
        "14 videos (the paper: 3471) read",
        "13 videos (the paper: 2387) show objects of one category alone",
        "10 videos of classes with 2 or more",
        "10 videos (the paper: 1668) with at most all of a class",
        "20 sentences (the paper: 12913) about them",
    )
    told = Choices(one_category=True, least_videos=3, most_videos=4)
    report = build("mini-ref-youtube-vos", youtube, tmp_path / "o", progress=False, choices=told)
    assert report.per_category == {"dog": 4} and "class 'cat' left out" in " ".join(report.skipped)
    assert "4 videos (the paper: 1668) with at most 4 of a class" in report.steps
    dataset = load_dataset(tmp_path / "o")
    again = replace(told, seed=1)
    build("mini-ref-youtube-vos", youtube, tmp_path / "p", progress=False, choices=again)
    assert set(dataset.videos) != set(load_dataset(tmp_path / "p").videos)


def test_a_total_balances_from_the_top() -> None:
    assert cap_for([10, 4, 3], 17) == 10
    assert cap_for([10, 4, 3], 16) == 9
    assert cap_for([10, 4, 3], 10) == 3  # 4 of each would be 11
    assert cap_for([10, 4, 3], 1) == 2  # an episode needs two
    assert balance([], Choices(total=5)) == ([], 0)


@pytest.mark.parametrize("level", ["", "train", "train/JPEGImages", ".."])
def test_any_level_of_the_source_will_do(youtube: Path, tmp_path: Path, level: str) -> None:
    """And what systems leave in it does not count."""
    (youtube / "train/JPEGImages/v0/._00000.jpg").write_bytes(b"macOS")
    (youtube / "train/Annotations/v0/._00000.png").write_bytes(b"macOS")
    report = build("mini-ref-youtube-vos", youtube / level, tmp_path / "mini", progress=False)
    assert report.videos == 4 and not [line for line in report.skipped if "._" in line]


def test_a_2018_release_is_named(youtube: Path, tmp_path: Path) -> None:
    """Its meta.json lacks objects that sentences are about."""
    path = youtube / "train/meta.json"
    meta = json.loads(path.read_text())
    for number in range(4):
        del meta["videos"][f"v{number}"]["objects"]["2"]
    path.write_text(json.dumps(meta))
    report = build("mini-ref-youtube-vos", youtube, tmp_path / "mini", progress=False)
    assert "may be the 2018 release" in report.skipped[0]


def test_a_killed_build_goes_on(youtube: Path, tmp_path: Path) -> None:
    """What was done stays as it is, link by link, and the result is the same."""
    script = (
        "import os, sys; from stages.data.builders import build, writing\n"
        "done = writing.BuildingFolder.finish\n"
        "def die(self, name, entry):\n"
        "    done(self, name, entry)\n"
        "    if len(list((self.path / 'making').glob('*.json'))) == 2: os._exit(9)\n"
        "writing.BuildingFolder.finish = die\n"
        "build('mini-ref-youtube-vos', sys.argv[1], sys.argv[2], progress=False)"
    )
    out = tmp_path / "mini"
    killed = subprocess.run([sys.executable, "-c", script, youtube, out], check=False, cwd=ROOT)
    assert killed.returncode == 9 and not out.exists()
    notes = {p.name: p.stat().st_mtime_ns for p in (tmp_path / ".mini.building/making").iterdir()}
    assert len(notes) == 2
    report = build("mini-ref-youtube-vos", youtube, out, progress=False, jobs=2)
    assert report.videos == 4 and check(out, progress=False).sound
    assert not (tmp_path / ".mini.building").exists()
    whole = build("mini-ref-youtube-vos", youtube, tmp_path / "whole", progress=False)
    assert replace(whole, out=out) == report
    assert [p.relative_to(out) for p in sorted(out.rglob("*"))] == [
        p.relative_to(tmp_path / "whole") for p in sorted((tmp_path / "whole").rglob("*"))
    ]


def test_images_are_linked_not_copied(youtube: Path, tmp_path: Path) -> None:
    build("mini-ref-youtube-vos", youtube, tmp_path / "mini", progress=False)
    path = Path("train") / "JPEGImages" / "v0" / "00000.jpg"
    assert (youtube / path).samefile(tmp_path / "mini" / path)


def test_copies_where_links_are_refused(
    youtube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    build("mini-ref-youtube-vos", youtube, tmp_path / "mini", progress=False)
    path = Path("train") / "JPEGImages" / "v0" / "00000.jpg"
    assert (youtube / path).read_bytes() == (tmp_path / "mini" / path).read_bytes()
    assert not (youtube / path).samefile(tmp_path / "mini" / path)


def test_nothing_is_overwritten_and_nothing_left_behind(youtube: Path, tmp_path: Path) -> None:
    out = tmp_path / "mini"
    out.mkdir()
    (out / "mine").write_text("x")
    with pytest.raises(UsageError, match="exists already"):
        build("mini-ref-youtube-vos", youtube, out, progress=False)
    (out / "mine").unlink()

    refused = refusal(lambda: build("mini-ref-youtube-vos", youtube, out, progress=False), 200)
    assert refused == (
        f"{out}: cannot be written (No space left on device); "
        "free some space or choose another place"
    )
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == [
        ".mini.building",  # what is done so far
        "mini",
        "raw",
    ]
    assert list(out.iterdir()) == []
    build("mini-ref-youtube-vos", youtube, out, progress=False)  # an empty folder is fine
    assert check(out, progress=False).sound


def test_unknown_name_and_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown benchmark 'davis'; choose one of mini-ref-you"):
        build("davis", tmp_path, tmp_path / "out")
    for name in ("mini-ref-youtube-vos", "mini-ref-sail-vos", "mini-mevis"):
        with pytest.raises(MissingError, match="nor in a folder above or below"):
            build(name, tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_source_without_the_classes(youtube: Path, tmp_path: Path) -> None:
    path = youtube / "train" / "meta.json"
    path.write_text(path.read_text().replace("dog", "owl").replace("cat", "ape"))
    path.write_text(path.read_text().replace("apeegory", "category"))
    with pytest.raises(DataError, match="no class of the benchmark has the two videos"):
        build("mini-ref-youtube-vos", youtube, tmp_path / "mini", progress=False)


@pytest.fixture
def sail(tmp_path: Path, paint: Callable[..., None], photograph: Callable[..., None]) -> Path:
    """Two videos a class, single objects with labels 1 and 2; the last one lists two objects."""
    source = tmp_path / "sail"
    meta, words = {}, {}
    for number, name in enumerate(["dog", "dog", "car", "car", "person", "person"]):
        video = f"s{number}"
        meta[video], words[video] = _video(*([name] if number < 5 else [name, name]))
        for frame in FRAMES:
            photograph(source / "Images" / video / f"{frame}.bmp", number)
            paint(source / "Annotations" / video / f"{frame}.png", ids(1, 2))
    _json(source / "meta.json", {"videos": meta})
    _json(source / "meta_expressions.json", {"videos": words})
    return source


def test_sail_vos_tests_all_three_classes_in_every_fold(sail: Path, tmp_path: Path) -> None:
    report = build("mini-ref-sail-vos", sail, tmp_path / "mini", progress=False, choices=SHORT)
    assert report.per_category == {"dog": 2, "car": 2, "person": 2} and not report.skipped
    dataset = load_dataset(tmp_path / "mini")
    for fold in folds.FOLDS:
        assert folds.test_categories(dataset, fold) == ("dog", "car", "person")
        assert folds.train_categories(dataset, fold) == ()
    np.testing.assert_array_equal(dataset.masks("s0", 0), ids(1, 1))  # labels above 1 become 1
    np.testing.assert_array_equal(dataset.masks("s5", 0), ids(1, 2))  # two objects stay apart
    assert dataset.frame("s0", 0).shape == (24, 40, 3)
    assert check(tmp_path / "mini", progress=False).sound


def test_suffixes_may_be_in_upper_case(sail: Path, tmp_path: Path) -> None:
    for path in list((sail / "Images" / "s1").iterdir()):
        path.rename(path.with_suffix(".BMP"))
    report = build("mini-ref-sail-vos", sail, tmp_path / "mini", progress=False, choices=SHORT)
    assert report.videos == 6 and not report.skipped


def test_sail_vos_leaves_out_broken_videos(sail: Path, tmp_path: Path) -> None:
    (sail / "Images" / "s0" / "00000.bmp").unlink()
    (sail / "Images" / "s2").rename(tmp_path / "s2")
    (sail / "Images" / "s2").symlink_to(tmp_path / "s2")
    report = build("mini-ref-sail-vos", sail, tmp_path / "mini", progress=False, choices=SHORT)
    assert report.per_category == {"person": 2}
    assert sum("no such image" in line for line in report.skipped) == 1
    assert sum("leads out of the source folder" in line for line in report.skipped) == 1


def test_sail_vos_drops_short_clips_and_absent_targets(
    sail: Path, tmp_path: Path, paint: Callable[..., None]
) -> None:
    paint(sail / "Annotations/s0/00005.png", ids())
    paint(sail / "Annotations/s2/00000.png", ids())
    paint(sail / "Annotations/s2/00005.png", ids())
    report = build(
        "mini-ref-sail-vos", sail, tmp_path / "mini", progress=False, choices=SHORT, jobs=2
    )
    dataset = load_dataset(tmp_path / "mini")
    assert dataset.videos["s0"].frames == ("00000", "00010")
    assert set(dataset.videos) == {"s0", "s1", "s4", "s5"}  # one car is left, of the two it takes
    assert "5 videos have 2 frames or more that show what is described" in report.steps
    np.testing.assert_array_equal(dataset.masks("s0", 1), ids(1, 1))
    with pytest.raises(DataError, match="no class of the benchmark"):
        build("mini-ref-sail-vos", sail, tmp_path / "usual", progress=False)


def encode(mask: Any) -> dict[str, Any]:
    """COCO's uncompressed form, written independently of the decoder."""
    counts, value, run = [], 0, 0
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    return {"size": list(mask.shape), "counts": [*counts, run]}


@pytest.fixture
def mevis(tmp_path: Path, photograph: Callable[..., None]) -> Path:
    """Three videos with two birds each and a sentence about both; objects counted from 0."""
    source = tmp_path / "mevis"
    part = source / "train"
    words, masks, categories = {}, {}, {}
    for number in range(3):
        video, marks = f"m{number}", [str(10 * number), str(10 * number + 1)]
        spoken = {
            "0": {"exp": "The left bird", "obj_id": [0], "anno_id": [int(marks[0])]},
            "1": {"exp": "the right bird", "obj_id": [1], "anno_id": [int(marks[1])]},
            "2": {"exp": "both birds", "obj_id": [0, 1], "anno_id": [1, 2]},
        }
        words[video] = {"frames": FRAMES, "expressions": spoken}
        categories[video] = {"0": "bird", "1": "bird"}
        for mark, value in zip(marks, (1, 2), strict=True):
            mask = encode((ids(1, 2) == value).astype(int))
            masks[mark] = [mask, None, mask]
        for frame in FRAMES:
            photograph(part / "JPEGImages" / video / f"{frame}.jpg", number)
    _json(part / "meta_expressions.json", {"videos": words})
    _json(part / "mask_dict.json", masks)
    _json(source / "categories.json", categories)
    return source


def test_mevis_keeps_single_objects(mevis: Path, tmp_path: Path) -> None:
    report = build("mini-mevis", mevis, tmp_path / "mini", progress=False)
    assert report.per_category == {"bird": 3} and report.expressions == 6
    assert any("3 expressions about several objects left out" in line for line in report.skipped)
    dataset = load_dataset(tmp_path / "mini")
    video = dataset.videos["m0"]
    assert [(e.text, e.object_id) for e in video.expressions] == [
        ("the left bird", 1),
        ("the right bird", 2),
    ]
    np.testing.assert_array_equal(dataset.masks("m0", 0), ids(1, 2))
    assert dataset.present("m0", 1) == frozenset()
    with Image.open(dataset.mask_path("m0", "00000")) as image:
        assert image.mode == "P"


@pytest.mark.parametrize("order", [FRAMES[::-1], ["00005", "00000", "00010"]])
def test_mevis_masks_follow_their_frames(mevis: Path, tmp_path: Path, order: list[str]) -> None:
    path = mevis / "train" / "meta_expressions.json"
    words = json.loads(path.read_text())
    words["videos"]["m0"]["frames"] = order
    path.write_text(json.dumps(words))
    build("mini-mevis", mevis, tmp_path / "mini", progress=False)
    dataset = load_dataset(tmp_path / "mini")
    empty = [not dataset.present("m0", i) for i in range(3)]
    assert empty.index(True) == sorted(order).index(order[1]) and sum(empty) == 1


def test_mevis_videos_without_category_or_masks(mevis: Path, tmp_path: Path) -> None:
    categories = json.loads((mevis / "categories.json").read_text())
    categories["m0"] = {"0": "bird"}
    (mevis / "categories.json").write_text(json.dumps(categories))
    report = build("mini-mevis", mevis, tmp_path / "mini", progress=False)
    assert report.videos == 2
    assert any("object '2': the category is empty" in line for line in report.skipped)
    masks = json.loads((mevis / "train" / "mask_dict.json").read_text())
    masks["10"] = masks["10"][:2]
    (mevis / "train" / "mask_dict.json").write_text(json.dumps(masks))
    with pytest.raises(DataError, match="no class of the benchmark"):
        build("mini-mevis", mevis, tmp_path / "two", progress=False)


def test_mevis_mask_of_another_size(mevis: Path, tmp_path: Path) -> None:
    masks = json.loads((mevis / "train" / "mask_dict.json").read_text())
    masks["0"][0] = {"size": [2, 2], "counts": [4]}
    (mevis / "train" / "mask_dict.json").write_text(json.dumps(masks))
    with pytest.raises(DataError, match="annotation '0': not of the size of"):
        build("mini-mevis", mevis, tmp_path / "mini", progress=False)
    assert not (tmp_path / "mini").exists()


def test_mevis_asks_about_several_objects_as_one(mevis: Path, tmp_path: Path) -> None:
    path = mevis / "train/meta_expressions.json"
    words = json.loads(path.read_text())
    for number in range(3):
        marks = [10 * number, 10 * number + 1]
        words["videos"][f"m{number}"]["expressions"]["2"]["anno_id"] = marks
    path.write_text(json.dumps(words))
    report = build(
        "mini-mevis", mevis, tmp_path / "mini", progress=False, choices=Choices(several=True)
    )
    assert report.per_category == {"bird": 6} and not report.skipped
    dataset = load_dataset(tmp_path / "mini")
    both = dataset.videos["m0-several"]
    assert [(e.text, e.object_id) for e in both.expressions] == [("both birds", 1)]
    np.testing.assert_array_equal(dataset.masks("m0-several", 0), ids(1, 1))
    assert dataset.present("m0-several", 1) == frozenset()
    assert dataset.frame_path("m0", "00000").samefile(dataset.frame_path("m0-several", "00000"))


def test_mevis_categories_are_guessed_with_a_report(mevis: Path, tmp_path: Path) -> None:
    (mevis / "categories.json").unlink()
    with pytest.raises(MissingError, match="--guess-categories"):
        build("mini-mevis", mevis, tmp_path / "mini", progress=False)
    report = build(
        "mini-mevis", mevis, tmp_path / "mini", progress=False, choices=Choices(nouns=True)
    )
    assert report.per_category == {"bird": 3}
    assert any("guessed from nouns, to be looked at: bird 6" in line for line in report.skipped)


@pytest.mark.parametrize(
    ("sentence", "noun"),
    [
        ("The left bird eating a worm", "bird"),
        ("two giant pandas on the right", "panda"),
        ("a white sheep that walks away", "sheep"),
        ("people in red", "person"),
        ("The puppies playing", "puppy"),
        ("moving towards the right", None),
        ("the bus turning left", "bus"),
        ("", None),
    ],
)
def test_nouns(sentence: str, noun: str | None) -> None:
    assert guess_noun(sentence) == noun


def test_most_sentences_decide() -> None:
    assert guess_category(["the cat on the left", "a cat", "the dog-like one"]) == "cat"
    assert guess_category([]) is None
