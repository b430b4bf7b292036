"""Test episodes, their controls and their manifest."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from configs.errors import DataError, MissingError
from stages.data import episodes as ep
from stages.data.dataset import Dataset
from stages.data.index import load_dataset, scan

Paint = Callable[[Path, NDArray[np.uint8]], None]
Edit = Callable[..., None]


@given(st.integers(1, 40), st.integers(1, 8), st.data())
def test_consecutive_is_the_authors_rule(length: int, count: int, data: st.DataObject) -> None:
    picked = data.draw(st.integers(0, length - 1))
    first = list(range(count)) if picked < count else list(range(picked - count + 1, picked + 1))
    expected = tuple(i if i < length else length - 1 for i in first)
    assert ep.consecutive(length, picked, count) == expected


def test_consecutive_written_out() -> None:
    assert ep.consecutive(9, 4, 5) == (0, 1, 2, 3, 4)
    assert ep.consecutive(9, 5, 5) == (1, 2, 3, 4, 5)
    assert ep.consecutive(9, 8, 5) == (4, 5, 6, 7, 8)
    assert ep.consecutive(3, 1, 5) == (0, 1, 2, 2, 2)
    with pytest.raises(ValueError, match="cannot take 5 frames at 3 of 3"):
        ep.consecutive(3, 3, 5)


def test_queries_are_all_expressions_of_the_other_videos(dataset: Dataset) -> None:
    found = ep.test_episodes(dataset, 1, 0, 5)
    assert [e.category for e in found] == sorted(e.category for e in found)
    for category in ("ant", "eel"):
        mine = [e for e in found if e.category == category]
        supports = {e.support for e in mine}
        assert len(supports) == 1  # one support clip serves the whole category
        support = supports.pop()
        assert len(support.frames) == 5
        assert dataset.videos[support.video].category == category
        expected = {
            (v, e.id)
            for v in dataset.by_category[category]
            if v != support.video
            for e in dataset.videos[v].targets
        }
        assert {(e.query.video, e.query.expression.id) for e in mine} == expected
        assert all(e.query.frames == (0, 1, 2, 3, 4, 5) for e in mine)


def test_every_object_adds_the_other_categories(dataset: Dataset) -> None:
    found = ep.test_episodes(dataset, 1, 0, 5, every_object=True)
    ids = {e.query.expression.object_id for e in found}
    assert ids == {1, 2, 3}
    assert {e.query.expression.object_id for e in ep.test_episodes(dataset, 1, 0, 5)} == {1, 2}


def test_per_category_keeps_a_part_in_order(dataset: Dataset) -> None:
    whole = ep.test_episodes(dataset, 1, 3, 5)
    part = ep.test_episodes(dataset, 1, 3, 5, per_category=2)
    assert [e.category for e in part] == ["ant", "ant", "eel", "eel"]
    positions = [whole.index(e) for e in part]
    assert positions == sorted(positions)
    assert ep.test_episodes(dataset, 1, 3, 5, per_category=1000) == whole


def test_seeds_differ_and_repeat(dataset: Dataset) -> None:
    runs = [ep.test_episodes(dataset, 1, seed, 5) for seed in range(8)]
    assert runs[0] == ep.test_episodes(dataset, 1, 0, 5)
    assert len({run[0].support for run in runs}) > 2


def test_the_draw_does_not_hang_on_the_process(shared_root: Path, dataset: Dataset) -> None:
    code = (
        "import sys; from stages.data.index import load_dataset;"
        "from stages.data.episodes import manifest_digest, test_episodes;"
        "d = load_dataset(sys.argv[1]); print(manifest_digest(d, test_episodes(d, 2, 1, 5)))"
    )
    command = [sys.executable, "-c", code, str(shared_root)]
    there = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": "7"}
    )
    here = ep.manifest_digest(dataset, ep.test_episodes(dataset, 2, 1, 5))
    assert there.stdout.strip() == here


def test_a_category_draw_ignores_the_other_categories(root: Path, edit_words: Edit) -> None:
    before = [e for e in ep.test_episodes(load_dataset(root), 1, 0, 5) if e.category == "eel"]
    edit_words("videos", "ant0", ...)
    after = [e for e in ep.test_episodes(load_dataset(root), 1, 0, 5) if e.category == "eel"]
    assert before == after


def test_support_clips_show_their_object(root: Path, paint: Paint) -> None:
    dataset = load_dataset(root)
    for video in dataset.by_category["ant"]:
        for frame in dataset.videos[video].frames[:5]:
            paint(dataset.mask_path(video, frame), np.zeros((24, 40), dtype=np.uint8))
    for seed in range(6):
        support = ep.test_episodes(load_dataset(root), 1, seed, 3)[0].support
        assert 5 in support.frames


def test_no_visible_object_at_all(root: Path, paint: Paint) -> None:
    dataset = load_dataset(root)
    for video in dataset.by_category["ant"]:
        for frame in dataset.videos[video].frames:
            paint(dataset.mask_path(video, frame), np.zeros((24, 40), dtype=np.uint8))
    with pytest.raises(DataError, match="category 'ant' has no video left whose object shows"):
        ep.test_episodes(dataset, 1, 0, 5)


@pytest.mark.parametrize(("left", "says"), [(1, "has 1 video"), (0, "has no video")])
def test_empty_category(root: Path, edit_words: Edit, left: int, says: str) -> None:
    names = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"]
    (root / "classes.json").write_text(json.dumps(names))
    for i in range(left, 4):
        edit_words("videos", f"ant{i}", ...)
    with pytest.raises(DataError, match=f"category 'ant' {says}, but an episode needs two"):
        ep.test_episodes(load_dataset(root), 1, 0, 5)


def test_wrong_support_swaps_supports_and_nothing_else(dataset: Dataset) -> None:
    right = ep.test_episodes(dataset, 1, 0, 5)
    wrong = ep.wrong_support(right)
    assert [e.query for e in wrong] == [e.query for e in right]
    assert [e.category for e in wrong] == [e.category for e in right]
    for episode in wrong:
        assert dataset.videos[episode.support.video].category != episode.category
    assert {e.support for e in wrong} == {e.support for e in right}
    with pytest.raises(DataError, match="two test categories"):
        ep.wrong_support([e for e in right if e.category == "ant"])


def test_twin_is_another_object_of_the_same_category(dataset: Dataset) -> None:
    distractor, left, right = dataset.videos["ant1"].expressions
    assert ep.twin(dataset, left) == right
    assert ep.twin(dataset, right) == left
    assert ep.twin(dataset, distractor) is None
    assert ep.twin(dataset, dataset.videos["ant0"].expressions[1]) is None


def test_manifest_round_trip(dataset: Dataset, tmp_path: Path) -> None:
    found = ep.test_episodes(dataset, 3, 4, 5)
    digest = ep.write_manifest(tmp_path / "a" / "m.json", dataset, found, fold=3, seed=4)
    read = ep.read_manifest(tmp_path / "a" / "m.json", dataset)
    assert (read.fold, read.seed, read.digest, list(read.episodes)) == (3, 4, digest, found)
    assert digest == ep.manifest_digest(dataset, found)
    assert digest != ep.manifest_digest(dataset, found[1:])
    content = json.loads((tmp_path / "a" / "m.json").read_text())
    assert (content["fold"], content["seed"], content["digest"]) == (3, 4, digest)
    entry = content["episodes"][0]["query"]
    assert entry["frames"] == ["00000", "00005", "00010", "00015", "00020", "00025"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["m.json"]


def test_manifest_refusals(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with pytest.raises(MissingError, match="no such file"):
        ep.read_manifest(path, dataset)
    ep.write_manifest(path, dataset, ep.test_episodes(dataset, 1, 0, 5), fold=1, seed=0)
    good = json.loads(path.read_text())
    edits: list[tuple[Callable[[dict[str, object]], object], str]] = [
        (lambda c: c.update(schema=9), "not a manifest of schema 1"),
        (lambda c: c.update(episodes=[]), "lists no episodes"),
        (lambda c: c.update(episodes=c["episodes"][1:]), "do not match the digest"),  # type: ignore[index]
    ]
    for edit, says in edits:
        content = json.loads(json.dumps(good))
        edit(content)
        path.write_text(json.dumps(content))
        with pytest.raises(DataError, match=says):
            ep.read_manifest(path, dataset)


@pytest.mark.parametrize(
    ("spot", "value", "says"),
    [
        (("expressions", "1", "exp"), "another text", "differs from the dataset's"),
        (("expressions", "1", "obj_id"), "3", "differs from the dataset's"),
        (("expressions", "1"), ..., "no expression '1'"),
        (("frames",), ["00000", "00010"], "frames are not those of video"),
    ],
)
def test_manifest_of_another_dataset(
    root: Path,
    tmp_path: Path,
    edit_words: Edit,
    spot: tuple[str, ...],
    value: object,
    says: str,
) -> None:
    dataset = load_dataset(root)
    found = ep.test_episodes(dataset, 1, 0, 5)
    ep.write_manifest(tmp_path / "m.json", dataset, found, fold=1, seed=0)
    edit_words("videos", found[0].query.video, *spot, value)
    changed, _ = scan(root)
    assert changed is not None
    with pytest.raises(DataError, match=says):
        ep.read_manifest(tmp_path / "m.json", changed)
