"""Folds: the rule of the paper's split, and explicit split files."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError, UsageError
from stages.data import folds
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset
from stages.data.index import load_dataset


def test_rule_on_a_small_class_list(dataset: Dataset) -> None:
    assert folds.test_categories(dataset, 1) == ("ant", "eel")
    assert folds.test_categories(dataset, 4) == ("dog", "hen")
    assert folds.train_categories(dataset, 1) == ("bee", "cat", "dog", "fox", "gnu", "hen")


def test_official_fold_one_has_ids_1_5_to_45() -> None:
    dataset = Dataset(Path("nowhere"), OFFICIAL_CLASSES, [])
    expected = tuple(OFFICIAL_CLASSES[i - 1] for i in range(1, 46, 4))
    assert folds.test_categories(dataset, 1) == expected
    assert expected[0] == "hat" and expected[-1] == "parrot"


@given(st.integers(4, 60))
def test_every_category_is_tested_in_exactly_one_fold(count: int) -> None:
    dataset = Dataset(Path("nowhere"), [f"c{i}" for i in range(count)], [])
    tested = [c for fold in folds.FOLDS for c in folds.test_categories(dataset, fold)]
    assert sorted(tested) == sorted(dataset.categories)
    for fold in folds.FOLDS:
        both = set(folds.test_categories(dataset, fold)) & set(
            folds.train_categories(dataset, fold)
        )
        assert not both


def test_videos_of_splits(dataset: Dataset) -> None:
    test = folds.videos_of(dataset, 1, "test")
    assert test == ("ant0", "ant1", "ant2", "ant3", "eel0", "eel1", "eel2", "eel3")
    train = folds.videos_of(dataset, 1, "train")
    assert len(train) == 24 and not set(test) & set(train)
    assert set(folds.videos_of(dataset, 1, "all")) == set(dataset.videos)


def test_fold_zero_holds_out_nothing(dataset: Dataset) -> None:
    assert folds.test_categories(dataset, 0) == ()
    assert folds.train_categories(dataset, 0) == dataset.categories
    assert folds.videos_of(dataset, 0, "train") == tuple(sorted(dataset.videos))
    assert folds.videos_of(dataset, 0, "test") == ()


@pytest.mark.parametrize("fold", [5, -1, True, False])
def test_unknown_fold(dataset: Dataset, fold: int) -> None:
    with pytest.raises(UsageError, match="unknown fold .*; choose one of 1, 2, 3, 4"):
        folds.test_categories(dataset, fold)


def test_unknown_split(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="unknown split 'val'"):
        folds.videos_of(dataset, 1, "val")


def test_fold_without_a_category() -> None:
    dataset = Dataset(Path("nowhere"), ["a", "b"], [])
    with pytest.raises(DataError, match="fold 3 has no test category"):
        folds.test_categories(dataset, 3)


def test_explicit_split_is_honoured(root: Path) -> None:
    text = {
        "1": {"test": ["hen", "ant"], "train": ["bee"], "test_videos": ["ant0", "ant1", "hen2"]},
        "7": {"test": ["cat"]},
    }
    (root / "folds.json").write_text(json.dumps(text))
    dataset = load_dataset(root)
    assert folds.folds_of(dataset) == (1, 7)
    assert folds.test_categories(dataset, 1) == ("ant", "hen")
    assert folds.train_categories(dataset, 1) == ("bee",)
    assert folds.videos_of(dataset, 1, "test") == ("ant0", "ant1", "hen2")
    assert folds.videos_of(dataset, 1, "train") == ("bee0", "bee1", "bee2", "bee3")
    assert len(folds.train_categories(dataset, 7)) == 7
    with pytest.raises(UsageError, match="choose one of 1, 7"):
        folds.test_categories(dataset, 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "lists no fold"),
        ([], "expected a JSON object"),
        ({"one": {"test": []}}, "not a number"),
        ({"1": {"train": []}}, "fold 1: test is missing"),
        ({"1": {"test": [], "tests": []}}, "fold 1: unknown key 'tests'"),
        ({"1": {"test": "ant"}}, "expected a list"),
        ({"1": {"test": ["yak"]}}, "has no 'yak'"),
        ({"1": {"test": ["ant"], "train": ["ant"]}}, "in both"),
        ({"1": {"test": ["ant"], "test_videos": ["x"]}}, "has no 'x'"),
    ],
)
def test_split_file_is_checked(root: Path, content: object, says: str) -> None:
    (root / "folds.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=says):
        folds.test_categories(load_dataset(root), 1)
