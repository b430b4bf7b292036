"""Builders of test sets and of RefCOCO, on small trees in the true formats, and their faults."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from configs.errors import DataError, MissingError
from stages.data import folds
from stages.data.builders import build
from stages.data.builders.a2d import read_sentences
from stages.data.builders.plain_pickle import read_plain_pickle
from stages.data.check import check
from stages.data.index import load_dataset
from stages.data.video_writer import VideoWriter

Paint = Callable[..., None]


def square(top: int, left: int, size: tuple[int, int] = (24, 40)) -> np.ndarray:
    mask = np.zeros(size, dtype=np.uint8)
    mask[top : top + 8, left : left + 8] = 1
    return mask


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


# RefCOCO


def reference(number: int, annotation: int, split: str, *sentences: str) -> dict[str, Any]:
    spoken = [
        {"sent_id": 10 * number + i, "sent": text, "tokens": text.split(), "raw": text}
        for i, text in enumerate(sentences)
    ]
    return {
        "ref_id": number,
        "ann_id": annotation,
        "image_id": annotation // 10,
        "split": split,
        "sentences": spoken,
        "sent_ids": [s["sent_id"] for s in spoken],
        "file_name": f"COCO_train2014_{annotation // 10:012d}_{number}.jpg",
        "category_id": 1,
    }


def references() -> list[dict[str, Any]]:
    """What the sentences of `refcoco` say of its annotations."""
    return [
        reference(1, 10, "train", "Left cat", "the cat on the left"),
        reference(2, 11, "train", "right cat"),
        reference(3, 12, "train", "the dog"),
        reference(4, 20, "train", "left"),
        reference(5, 21, "testA", "right"),
    ]


@pytest.fixture
def refcoco(tmp_path: Path, photograph: Paint) -> Path:
    """Two pictures with two cats each, one of which is tested on, and a dog in the first."""
    source = tmp_path / "raw"
    home = source / "data" / "refcoco"
    annotations = []
    for image in (1, 2):
        photograph(source / f"images/train2014/COCO_train2014_{image:012d}.jpg", image)
        for number, left in enumerate((2, 14, 26)):
            if (image, number) == (2, 2):
                continue
            outline = [[left, 4, left + 8, 4, left + 8, 12, left, 12]]
            annotations.append(
                {
                    "id": 10 * image + number,
                    "image_id": image,
                    "category_id": 2 if number == 2 else 1,
                    "segmentation": outline,
                }
            )
    names = [{"id": i, "file_name": f"COCO_train2014_{i:012d}.jpg"} for i in (1, 2)]
    kinds = [{"id": 1, "name": "cat"}, {"id": 2, "name": "hot dog"}]
    _json(
        home / "instances.json",
        {"images": names, "annotations": annotations, "categories": kinds},
    )
    (home / "refs(unc).p").write_bytes(pickle.dumps(references(), protocol=0))
    return source


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, "json"])
def test_refcoco_becomes_clips_of_one_frame(refcoco: Path, tmp_path: Path, protocol: Any) -> None:
    home = refcoco / "data/refcoco"
    if protocol == "json":
        (home / "refs(unc).p").unlink()
        (home / "refs(unc).json").write_text(json.dumps(references()))
    else:
        (home / "refs(unc).p").write_bytes(pickle.dumps(references(), protocol=protocol))
    report = build("refcoco", refcoco, tmp_path / "o", progress=False)
    assert report.per_category == {"cat": 2} and report.expressions == 4
    assert any("'hot dog' left out: 1 of the 2" in line for line in report.skipped)
    dataset = load_dataset(tmp_path / "o")
    video = dataset.videos["refcoco-unc-1-cat"]
    assert [(e.text, e.object_id) for e in video.expressions] == [
        ("left cat", 1),
        ("the cat on the left", 1),
        ("right cat", 2),
    ]
    ids = dataset.masks(video.id, 0)
    assert (
        [int((ids == i).sum()) for i in (1, 2)] == [64, 64] and ids[5, 3] == 1 and ids[5, 15] == 2
    )
    assert check(tmp_path / "o", progress=False).sound


class Harm:
    """What a pickle may hold: a call, made on loading."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run",))


def test_a_pickle_that_would_run_something_is_refused(
    refcoco: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = refcoco / "data/refcoco/refs(unc).p"
    path.write_bytes(pickle.dumps([Harm()]))
    with pytest.raises(DataError, match=r"refs\(unc\).p: not a pickle of plain.*nothing of it"):
        build("refcoco", refcoco, tmp_path / "o", progress=False)
    assert capsys.readouterr().out == ""
    for content in (b"", b"cposix\nsystem\n(S'true'\ntR.", b"\x80\x04", b"]N.", b"I1\nI2\n."):
        path.write_bytes(content)
        with pytest.raises(DataError, match="nothing of it was run"):
            read_plain_pickle(path)


@pytest.mark.parametrize(
    "value",
    [[], {}, [1, -5, 2**40, 1.5, None, True], {"a": [("b", ()), ["ü", "x" * 300]], 3: {"c": [{}]}}],
)
@pytest.mark.parametrize("protocol", range(6))
def test_plain_pickles_are_read_as_python_reads_them(
    tmp_path: Path, value: Any, protocol: int
) -> None:
    path = tmp_path / "x.p"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    assert read_plain_pickle(path) == value


# Ref-DAVIS17


@pytest.fixture
def davis(tmp_path: Path, paint: Paint, photograph: Paint) -> Path:
    """Two videos, the first of two objects, and two files of sentences."""
    source = tmp_path / "raw"
    for video in ("bike-packing", "black-swan", "trained-on"):
        for frame in ("00000", "00001"):
            photograph(source / f"DAVIS/JPEGImages/480p/{video}/{frame}.jpg", 1)
            second = 2 if video == "bike-packing" else 0
            mask = square(2, 2) + second * square(2, 20)
            paint(source / f"DAVIS/Annotations/480p/{video}/{frame}.png", mask)
    (source / "DAVIS/ImageSets/2017").mkdir(parents=True)
    (source / "DAVIS/ImageSets/2017/val.txt").write_text("bike-packing\nblack-swan\n")
    home = source / "davis_text_annotations"
    home.mkdir()
    for number in (1, 2):
        (home / f"Davis17_annot{number}.txt").write_text(
            f'bike-packing 1 "A bicycle, {number}"\nbike-packing 2 "a man riding"\n'
            'black-swan 1 "caf\xe9 swan"\n',
            encoding="latin-1",
        )
    return source


def test_ref_davis17_keeps_every_annotator(davis: Path, tmp_path: Path) -> None:
    report = build("ref-davis17", davis, tmp_path / "o", progress=False)
    assert report.videos == 2 and any("guessed from nouns" in line for line in report.skipped)
    dataset = load_dataset(tmp_path / "o")
    spoken = dataset.videos["bike-packing"].expressions
    assert [(e.id, e.object_id, e.text) for e in spoken] == [
        ("0", 1, "a bicycle, 1"),
        ("1", 1, "a bicycle, 2"),
        ("2", 2, "a man riding"),
        ("3", 2, "a man riding"),
    ]
    assert dataset.videos["black-swan"].expressions[0].text == "café swan"
    assert dataset.videos["bike-packing"].objects == {1: "bicycle", 2: "man"}
    _json(davis / "DAVIS/davis_semantics.json", {"bike-packing": {"1": "bicycle", "2": "person"}})
    report = build("ref-davis17", davis, tmp_path / "p", progress=False)
    assert report.per_category == {"person": 1}
    assert any("'black-swan' left out: object 1 has no sentence" in s for s in report.skipped)


def test_ref_davis17_without_its_parts(davis: Path, tmp_path: Path) -> None:
    (davis / "DAVIS/Annotations/480p/black-swan/00001.png").unlink()
    report = build("ref-davis17", davis, tmp_path / "o", progress=False)
    assert load_dataset(tmp_path / "o").videos["black-swan"].frames == ("00000",)
    for path in (davis / "davis_text_annotations").iterdir():
        path.unlink()
    with pytest.raises(MissingError, match=r"holds no Davis17_annot\*.txt"):
        build("ref-davis17", davis, tmp_path / "p", progress=False)
    assert report.videos == 2


# A2D and JHMDB


@pytest.fixture
def a2d(tmp_path: Path) -> Path:
    """Two test videos with two annotated frames, one to train on, and one that is missed."""
    source = tmp_path / "raw"
    rows, sentences = [], ["video_id, instance_id, query"]
    for name, usage in (("t1", 1), ("t2", 1), ("tr", 0), ("gone", 1)):
        rows.append(f"{name},12,0:00,0:01,24,40,6,2,{usage}")
        sentences += [f'{name}, 0, "a dog, running"', f"{name}, 1, the ball"]
        video = source / f"Release/clips320H/{name}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(video, 25) as writer:
            for number in range(6):
                writer.write(np.full((24, 40, 3), 40 * number, np.uint8))
        home = source / f"text_annotations/a2d_annotation_with_instances/{name}"
        home.mkdir(parents=True)
        for frame in (2, 5):
            with h5py.File(home / f"{frame:05d}.h5", "w") as file:
                both = np.stack([square(2, 2).T, square(10, 20).T])
                several = (name, frame) != ("t1", 5)
                file["reMask"] = both if several else both[0]
                file["instance"] = [0, 1] if several else [0]
                file["id"] = [[72], [33]] if several else [[72]]
    (source / "Release/videoset.csv").write_text("\n".join(rows) + "\n")
    (source / "text_annotations/a2d_annotation.txt").write_text("\n".join(sentences))
    (source / "text_annotations/a2d_missed_videos.txt").write_text("gone\n")
    return source


def test_a2d_has_the_annotated_frames_of_its_test_videos(a2d: Path, tmp_path: Path) -> None:
    report = build("a2d-sentences", a2d, tmp_path / "o", progress=False)
    dataset = load_dataset(tmp_path / "o")
    assert set(dataset.videos) == {"t1", "t2"} and report.frames == 4
    video = dataset.videos["t1"]
    assert video.frames == ("00002", "00005")
    assert video.objects == {1: "dog", 2: "ball"}
    assert [(e.text, e.object_id) for e in video.expressions] == [
        ("a dog, running", 1),
        ("the ball", 2),
    ]
    np.testing.assert_array_equal(dataset.masks("t1", 0), square(2, 2) + 2 * square(10, 20))
    np.testing.assert_array_equal(dataset.masks("t1", 1), square(2, 2))
    assert [int(round(dataset.frame("t1", i).mean() / 40)) for i in (0, 1)] == [1, 4]
    assert folds.test_categories(dataset, 1) == ("ball",)
    assert check(tmp_path / "o", progress=False).sound


def test_a2d_files_that_are_damaged_are_named(a2d: Path, tmp_path: Path) -> None:
    home = a2d / "text_annotations/a2d_annotation_with_instances"
    (home / "t1/00002.h5").write_bytes(b"not HDF5")
    (a2d / "Release/clips320H/t2.mp4").unlink()
    with pytest.raises(DataError, match="no class of the benchmark"):
        build("a2d-sentences", a2d, tmp_path / "o", progress=False)
    table = tmp_path / "t.txt"
    table.write_text("video_id,instance_id,query\nv,x,a dog\n")
    with pytest.raises(DataError, match="line 2: no instance 'x'"):
        read_sentences(table)


def test_jhmdb_has_one_person_a_video(tmp_path: Path, photograph: Paint) -> None:
    source = tmp_path / "raw"
    lines = ["video_id,query"]
    for name in ("catch_1", "run_2"):
        action = name.split("_")[0]
        for frame in range(1, 4):
            photograph(source / f"Rename_Images/{action}/{name}/{frame:05d}.png", frame)
        parts = np.stack([square(2, 2 + t) * (1 + t) for t in range(2)], axis=-1)
        home = source / f"puppet_mask/{action}/{name}"
        home.mkdir(parents=True)
        savemat(home / "puppet_mask.mat", {"part_mask": parts})
        lines.append(f"{name},a man who {action}es")
    lines.append("lost_3,nobody")
    (source / "jhmdb_annotation.txt").write_text("\n".join(lines))
    report = build("jhmdb-sentences", source, tmp_path / "o", progress=False)
    assert report.per_category == {"person": 2} and report.frames == 4
    assert any("'lost_3' left out" in line for line in report.skipped)
    dataset = load_dataset(tmp_path / "o")
    np.testing.assert_array_equal(dataset.masks("run_2", 1), square(2, 3))
    assert dataset.videos["catch_1"].expressions[0].text == "a man who catches"


# The authors' own release


@pytest.mark.parametrize("layout", ["nested", "flat"])
@pytest.mark.parametrize("kind", ["mini-ref-youtube-vos", "mini-ref-sail-vos"])
def test_the_release_is_read_in_both_layouts(
    tmp_path: Path, paint: Paint, photograph: Paint, layout: str, kind: str
) -> None:
    source = tmp_path / "raw" / "release"
    nested = layout == "nested"
    pictures = source / ("train/JPEGImages" if nested else "Images")
    masks = source / ("train/Annotations" if nested else "Annotations")
    sail = kind == "mini-ref-sail-vos"
    meta, words = {}, {}
    for number, category in enumerate(["dog", "dog", *([] if sail else ["zebra", "zebra"])]):
        video = f"v{number}"
        meta[video] = {"objects": {"1": {"category": category}}}
        words[video] = {"frames": ["0", "1"], "expressions": {"0": {"exp": "it", "obj_id": "1"}}}
        for frame in ("0", "1"):
            photograph(pictures / video / f"{frame}.jpg", number)
            paint(masks / video / f"{frame}.png", square(2, 2))
    _json(source / ("train/meta.json" if nested else "meta.json"), {"videos": meta})
    spoken = "meta_expressions/train/meta_expressions.json" if nested else "meta_expressions.json"
    _json(source / spoken, {"videos": words})
    report = build("release", tmp_path / "raw", tmp_path / "o", progress=False)
    dataset = load_dataset(tmp_path / "o")
    assert dataset.kind == kind and report.videos == len(meta)
    first = folds.folds_of(dataset)[0]
    assert (folds.train_categories(dataset, first) == ()) == sail
    with Image.open(dataset.mask_path("v0", "0")) as image:
        assert image.mode == "P"
