"""From what a person asks for to one request a video, sentence and support."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError, FsrvosError, MissingError, UsageError
from stages.data.excerpt import WHOLE, Excerpt, Moment
from stages.data.overlay import write_png
from stages.predicting.request_list import read_requests
from stages.predicting.requests import (
    Request,
    Shown,
    distinct,
    paired,
    requests_for,
    shown_kinds,
    videos_at,
)

DOGS, CATS = Shown(Path("dogs")), Shown(Path("cats"), "a cat")


def films(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"film")


def frames(folder: Path, *names: str) -> None:
    for name in names:
        write_png(folder / name, np.zeros((24, 24, 3), np.uint8))


@given(kinds=st.integers(1, 4), sentences=st.integers(1, 4))
def test_kinds_and_sentences_pair_in_order_or_all_with_the_one(kinds: int, sentences: int) -> None:
    shown = [Shown(Path(str(i))) for i in range(kinds)]
    texts = [f"s{i}" for i in range(sentences)]
    if kinds != sentences and 1 not in (kinds, sentences):
        with pytest.raises(UsageError, match=f"{sentences} sentences and {kinds} supports do not"):
            paired(shown, texts)
        return
    pairs = [(str(kind.support), text) for kind, text in paired(shown, texts)]
    if 1 in (kinds, sentences):
        assert set(pairs) == {(str(k.support), text) for k in shown for text in texts}
        assert len(pairs) == kinds * sentences
    else:
        assert pairs == [(str(i), f"s{i}") for i in range(kinds)]


def test_every_video_is_asked_everything() -> None:
    made = requests_for([Path("a.mp4"), Path("b.mp4")], ["A  dog", "a cat"], [DOGS, CATS])
    assert made == [
        Request(Path("a.mp4"), "a dog", Path("dogs")),
        Request(Path("a.mp4"), "a cat", Path("cats"), "a cat"),
        Request(Path("b.mp4"), "a dog", Path("dogs")),
        Request(Path("b.mp4"), "a cat", Path("cats"), "a cat"),
    ]
    assert distinct([*made, made[0]]) == made


def test_sentences_of_supports_are_given_for_all_or_none() -> None:
    places = [Path("dogs"), Path("cats")]
    assert shown_kinds(places, []) == [Shown(Path("dogs")), Shown(Path("cats"))]
    assert shown_kinds(places, ["A dog", "a  cat"])[1] == Shown(Path("cats"), "a cat")
    with pytest.raises(UsageError, match="2 supports and 1 sentences about them; give"):
        shown_kinds(places, ["a dog"])


def test_files_folders_and_patterns_name_videos_in_natural_order(tmp_path: Path) -> None:
    films(tmp_path / "clips", "b10.mp4", "b2.MOV", "._b2.MOV", "notes.txt")
    frames(tmp_path / "clips/frames", "0.png", "1.png")
    films(tmp_path / "clips/deep", "c.webm")
    clips = tmp_path / "clips"
    assert videos_at(clips / "b2.MOV") == [clips / "b2.MOV"]
    assert videos_at(clips / "frames") == [clips / "frames"]
    assert videos_at(clips) == [clips / "b2.MOV", clips / "b10.mp4", clips / "frames"]
    assert videos_at(clips / "b*") == [clips / "b2.MOV", clips / "b10.mp4"]
    assert videos_at(tmp_path / "**/*.webm") == [clips / "deep/c.webm"]
    assert videos_at(clips / "gone.mp4") == [clips / "gone.mp4"]
    with pytest.raises(MissingError, match=r"\*\.avi: no video matches"):
        videos_at(clips / "*.avi")


def test_a_name_with_signs_of_a_pattern_is_a_name_where_it_is_there(tmp_path: Path) -> None:
    films(tmp_path, "take [1].mp4", "take 1.mp4")
    assert videos_at(tmp_path / "take [1].mp4") == [tmp_path / "take [1].mp4"]


def test_a_folder_that_could_be_frames_or_videos_is_named(tmp_path: Path) -> None:
    films(tmp_path, "a.mp4")
    frames(tmp_path, "a.png")
    with pytest.raises(DataError, match="holds images and videos, and either could be meant"):
        videos_at(tmp_path)


TABLE = """\
video,expression,support,support_expression,start,end,stride
a.mp4,A brown  dog,,,,,
clips/*.mp4,"a cat, left",cats,a cat,0:10,300f,2

"""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_read_as_spreadsheets_write_it(
    tmp_path: Path, delimiter: str, mark: str
) -> None:
    films(tmp_path / "clips", "x.mp4", "y.mp4")
    text = TABLE.replace(", left", "!").replace(",", delimiter).replace("!", ", left")
    (tmp_path / "list.csv").write_text(mark + text.replace("\n", "\r\n"), "utf-8", newline="")
    most = Excerpt(max_side=640)
    part = Excerpt(Moment(seconds=10), Moment(frame=300), 2, 640)
    cats = tmp_path / "cats"
    assert read_requests(tmp_path / "list.csv", [DOGS], most) == [
        Request(tmp_path / "a.mp4", "a brown dog", Path("dogs"), None, most),
        Request(tmp_path / "clips/x.mp4", "a cat, left", cats, "a cat", part),
        Request(tmp_path / "clips/y.mp4", "a cat, left", cats, "a cat", part),
    ]


def test_json_says_the_same_and_takes_lists(tmp_path: Path) -> None:
    rows = [
        {"video": ["a.mp4", "/b.mp4"], "expression": ["a dog", "a cat"]},
        {"video": "c.mp4", "expression": "a dog", "support": "s", "start": 1.5, "end": "0:03"},
    ]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    made = read_requests(tmp_path / "list.json", [DOGS], WHOLE)
    assert [(r.video, r.expression) for r in made[:4]] == [
        (tmp_path / "a.mp4", "a dog"),
        (tmp_path / "a.mp4", "a cat"),
        (Path("/b.mp4"), "a dog"),
        (Path("/b.mp4"), "a cat"),
    ]
    part = Excerpt(Moment(seconds=1.5), Moment(seconds=3))
    assert made[4] == Request(tmp_path / "c.mp4", "a dog", tmp_path / "s", None, part)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1: no column `video`; the first line names the columns"),
        ("video,expression\n", "the list is empty"),
        ("video,sentence\na,b\n", "line 1: no column `expression`"),
        ("video,expression,colour\na,b,c\n", "line 1: unknown column 'colour'; the columns are"),
        ("video,expression,video\na,b,c\n", "line 1: a column is there twice"),
        ("video,expression\na.mp4,a cat, left\n", "line 2: more cells than the header has"),
        ("video,expression\na.mp4,\n", "line 2: expression is missing; add it"),
        ("video,expression,stride\na.mp4,a,0\n", "line 2: stride: 0 must be a whole"),
        ("video,expression,start\na.mp4,a,x\n", "line 2: start: 'x' is no time"),
        ("video,expression,start,end\na.mp4,a,5,0:05\n", "line 2: nothing lies from 5 to 5"),
        ('video,expression\na.mp4,"a\n', "malformed CSV"),
        ("video,expression\n*.avi,a\n*.mov,b\n", r"\*.avi: no video matches.*1 more faults"),
    ],
)
def test_faults_of_a_table_are_named_by_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(FsrvosError, match=says) as caught:
        read_requests(tmp_path / "list.csv", [DOGS], WHOLE)
    assert "\n" not in str(caught.value)


def test_a_row_without_a_support_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("video,expression\na.mp4,a dog\n")
    with pytest.raises(UsageError, match="line 2: no support; add a column `support`, or give"):
        read_requests(tmp_path / "list.csv", [], WHOLE)
    with pytest.raises(MissingError, match=r"none\.csv: no such list"):
        read_requests(tmp_path / "none.csv", [], WHOLE)
    (tmp_path / "list.json").write_text('{"video": "a"}')
    with pytest.raises(DataError, match="expected a list"):
        read_requests(tmp_path / "list.json", [DOGS], WHOLE)
    (tmp_path / "list.json").write_text('[3, {"video": "a", "expression": 4}]')
    with pytest.raises(DataError, match="entry 1: expected a JSON object, found a number .and 1"):
        read_requests(tmp_path / "list.json", [DOGS], WHOLE)
