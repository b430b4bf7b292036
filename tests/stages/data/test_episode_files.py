"""Episodes and splits as files: the same ones again, and nothing else without a word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from configs.errors import DataError, MissingError, UsageError
from stages.data import folds
from stages.data.dataset import Dataset
from stages.data.episode_files import find_episodes, write_episodes
from stages.data.episodes import read_manifest, test_episodes
from stages.data.index import load_dataset
from stages.data.splits import write_splits
from stages.predictions.questions import listed


def test_files_hold_what_would_be_drawn(dataset: Dataset, tmp_path: Path) -> None:
    written = write_episodes(dataset, tmp_path / "e", fold=2, seeds=2, shots=3)
    files = find_episodes([tmp_path / "e"])
    assert [path.name for path in files] == ["seed0.json", "seed1.json"]
    again = listed(files, dataset, 2)
    for seed in (0, 1):
        assert again[seed] == test_episodes(dataset, 2, seed, 3)
        assert written.episodes[seed] == len(again[seed])
        assert written.digests[seed] == read_manifest(files[seed], dataset).digest
    assert written.digests[0] != written.digests[1]


def test_more_shots_than_frames_are_counted(dataset: Dataset, tmp_path: Path) -> None:
    longest = max(len(video.frames) for video in dataset.videos.values())
    few = write_episodes(dataset, tmp_path / "few", fold=1, seeds=1, shots=1)
    many = write_episodes(dataset, tmp_path / "many", fold=1, seeds=1, shots=longest + 1)
    assert few.repeated == 0 and many.repeated == many.episodes[0]
    assert "repeat their last one" in many.table()


def test_files_that_do_not_go_together_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    write_episodes(dataset, tmp_path / "a", fold=1, seeds=1, shots=2)
    write_episodes(dataset, tmp_path / "b", fold=1, seeds=2, shots=3)
    a, b = tmp_path / "a/seed0.json", tmp_path / "b/seed0.json"
    with pytest.raises(UsageError, match="of fold 1, not of fold 2"):
        listed([a], dataset, 2)
    with pytest.raises(UsageError, match="seed 0, which another file has"):
        listed([a, b], dataset, 1)
    with pytest.raises(UsageError, match="2 and 3 support frames"):
        listed([a, tmp_path / "b/seed1.json"], dataset, 1)
    with pytest.raises(UsageError, match="named twice"):
        find_episodes([tmp_path / "a", a])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingError, match=r"holds no seed<k>.json"):
        find_episodes([tmp_path / "empty"])
    (tmp_path / "a/notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes.txt"):
        write_episodes(dataset, tmp_path / "a", fold=1)
    assert (tmp_path / "a/notes.txt").is_file()


@pytest.fixture
def own(dataset: Dataset, tmp_path: Path) -> Dataset:
    """A copy of the dataset to write into."""
    shutil.copytree(dataset.root, tmp_path / "own")
    return load_dataset(tmp_path / "own")


def test_splits_spelt_out_change_nothing(own: Dataset) -> None:
    before = {
        (fold, split): folds.videos_of(own, fold, split)
        for fold in folds.FOLDS
        for split in folds.SPLITS
    }
    drawn = test_episodes(own, 3, 0, 5)
    folder = write_splits(own, folds.stated_folds(own))
    assert sorted(path.name for path in folder.iterdir())[:2] == [
        "group1_test.json",
        "group1_train.json",
    ]
    assert {key: folds.videos_of(own, *key) for key in before} == before
    assert test_episodes(own, 3, 0, 5) == drawn


def test_split_files_count(own: Dataset) -> None:
    folder = own.root / "splits"
    folder.mkdir()
    (folder / "group1_test.json").write_text('{"categories": ["bee"]}')
    (folder / "group1_train.json").write_text('["ant0", "ant2", "cat1"]')
    assert folds.folds_of(own) == (1,)
    assert folds.test_categories(own, 1) == ("bee",)
    assert folds.train_categories(own, 1) == ("ant", "cat")
    assert folds.videos_of(own, 1, "train") == ("ant0", "ant2", "cat1")
    assert folds.videos_of(own, 1, "test") == own.by_category["bee"]


@pytest.mark.parametrize(
    ("test", "train", "said"),
    [
        ({"categories": ["bee"]}, None, "group1_train.json is missing"),
        ({"categories": ["bee"]}, ["nowhere"], "no video 'nowhere'"),
        ({"categories": ["bee"]}, {"categories": ["bee"]}, "both train and test"),
        ({"categories": ["unknown"]}, ["ant0"], "no 'unknown'"),
        ({}, ["ant0"], "lists neither"),
        ({"category": ["bee"]}, ["ant0"], "category"),
    ],
)
def test_faults_of_split_files(own: Dataset, test: object, train: object, said: str) -> None:
    folder = own.root / "splits"
    folder.mkdir()
    (folder / "group1_test.json").write_text(json.dumps(test))
    if train is not None:
        (folder / "group1_train.json").write_text(json.dumps(train))
    with pytest.raises(DataError, match=said):
        folds.videos_of(own, 1, "all")


def test_two_statements_of_the_folds_are_refused(own: Dataset) -> None:
    write_splits(own, folds.stated_folds(own))
    (own.root / "folds.json").write_text('{"1": {"test": ["bee"]}}')
    with pytest.raises(DataError, match="both state the folds"):
        folds.test_categories(own, 1)
