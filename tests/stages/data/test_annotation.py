"""Sentences written by people: nothing is lost, and nothing unread becomes an expression."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, MissingError, UsageError
from stages.data import annotation
from stages.data.builders import Choices, build

Paint = Callable[..., None]


@pytest.fixture
def source(tmp_path: Path, paint: Paint, photograph: Paint) -> Path:
    """Two videos of a dog, as SAIL-VOS comes; the second frame of v0 does not show it."""
    root = tmp_path / "sail"
    mask = np.zeros((24, 40), dtype=np.uint8)
    mask[4:12, 2:10] = 1
    for video in ("v0", "v1"):
        for number in range(3):
            photograph(root / f"Images/{video}/{number}.bmp", number)
            absent = (video, number) == ("v0", 1)
            paint(root / f"Annotations/{video}/{number}.png", 0 * mask if absent else mask)
    meta = {video: {"objects": {"1": {"category": "dog"}}} for video in ("v0", "v1")}
    (root / "meta.json").write_text(json.dumps({"videos": meta}))
    return root


def edit(folder: Path, **columns: tuple[str, ...]) -> None:
    """Write columns of the table, a value a row."""
    lines = (folder / annotation.TABLE).read_text().splitlines()
    rows = list(csv.DictReader(lines, delimiter=";" if ";" in lines[0] else ","))
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    with (folder / annotation.TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=";")  # as some spreadsheets do
        writer.writeheader()
        writer.writerows(rows)


def test_from_pictures_to_expressions(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    begun = annotation.start(source, folder)
    assert (begun.objects, begun.written, begun.read, begun.faults) == (2, 0, 0, ())
    with Image.open(folder / "v0_1.png") as one, Image.open(folder / "v1_1.png") as other:
        assert one.size != other.size  # two frames show it, and three
    edit(folder, sentence=("A  dog, lying", "a dog that runs"), written_by=("ann", "ann"))
    again = annotation.start(source, folder)
    assert (again.written, again.read) == (2, 0)
    with pytest.raises(DataError, match=r"'v0', object 1: read by nobody yet \(2 such\)"):
        annotation.finish(source, folder)
    edit(folder, read_by=("bob", "Ann"))
    with pytest.raises(DataError, match="read by Ann, who wrote it; another person"):
        annotation.finish(source, folder)
    edit(folder, read_by=("bob", "bob"))
    assert annotation.finish(source, folder).read == 2
    words = json.loads((source / "meta_expressions.json").read_text())["videos"]
    assert words["v0"] == {
        "frames": ["0", "1", "2"],
        "expressions": {"0": {"exp": "a dog, lying", "obj_id": "1"}},
    }
    with pytest.raises(UsageError, match="exists already"):
        annotation.finish(source, folder)
    report = build(
        "mini-ref-sail-vos",
        source,
        tmp_path / "mini",
        progress=False,
        choices=Choices(least_frames=2, drop_absent=True),
    )
    assert (report.videos, report.frames, report.expressions) == (2, 5, 2)


def test_unclear_objects_are_dropped_and_long_sentences_named(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    annotation.start(source, folder)
    edit(folder, sentence=("", "dog " * 21), unclear=("x", ""), written_by=("", "ann"))
    done = annotation.start(source, folder)
    assert (done.objects, done.written, done.unclear) == (2, 1, 1)
    assert done.faults == ("video 'v1', object 1: 21 words, more than 20; shorten the sentence",)
    edit(folder, sentence=("", "a dog"), read_by=("", "bob"))
    annotation.finish(source, folder)
    assert list(json.loads((source / "meta_expressions.json").read_text())["videos"]) == ["v1"]


def test_what_cannot_be_annotated(source: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"meta\.json: no such file"):
        annotation.start(tmp_path / "sail" / "Images" / "v0", tmp_path / "work")
    (tmp_path / "work").mkdir(exist_ok=True)
    (tmp_path / "work" / annotation.TABLE).write_text("video,sentence\nv0,a dog\n")
    with pytest.raises(DataError, match="line 2 lacks one of the columns"):
        annotation.start(source, tmp_path / "work")
    (tmp_path / "work" / annotation.TABLE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="save the table as UTF-8"):
        annotation.start(source, tmp_path / "work")
