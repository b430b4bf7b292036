"""Two datasets as one: kinds are one by name, episodes stay within a set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from configs import UsageError
from stages.data.dataset import Dataset
from stages.data.folds import EVERY_KIND, test_categories, train_categories, videos_of
from stages.data.joined import JoinedDataset, load_datasets
from stages.data.sampling import mismatched, sample_episode


@pytest.fixture(scope="module")
def both(blocks_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    other = tmp_path_factory.mktemp("other") / "blocks"
    shutil.copytree(blocks_root, other)
    (other / "classes.json").write_text('["bee", "ant", "cat", "dog", "eel", "fox"]')
    return load_datasets([blocks_root, other])


def test_one_dataset_is_itself(blocks_root: Path) -> None:
    assert not isinstance(load_datasets([blocks_root]), JoinedDataset)
    with pytest.raises(UsageError, match="no dataset"):
        load_datasets([])


def test_videos_and_their_pixels_are_the_parts_own(both: Dataset, blocks: Dataset) -> None:
    assert len(both.videos) == 2 * len(blocks.videos)
    assert both.categories == blocks.categories
    assert both.by_category["bee"] == tuple(f"{n}/bee{i}" for n in (0, 1) for i in range(3))
    assert np.array_equal(both.frame("1/bee1", 2), blocks.frame("bee1", 2))
    assert np.array_equal(both.masks("1/bee1", 2), blocks.masks("bee1", 2))
    assert both.videos["1/bee1"].expressions[0].video == "1/bee1"


def test_a_kind_that_one_set_holds_out_is_held_out_of_all(both: Dataset) -> None:
    """Fold 1 tests the first and fifth class: ant and eel here, bee and eel there."""
    assert test_categories(both, 1) == ("ant", "bee", "eel")
    assert train_categories(both, 1) == ("cat", "dog", "fox")
    assert {name[2:5] for name in videos_of(both, 1, "train")} == {"cat", "dog", "fox"}


def test_the_fold_of_every_kind_holds_out_none(both: Dataset) -> None:
    assert train_categories(both, EVERY_KIND) == both.categories
    assert test_categories(both, EVERY_KIND) == ()
    assert len(videos_of(both, EVERY_KIND, "all")) == len(both.videos)


def test_support_and_query_come_from_the_same_set(both: Dataset) -> None:
    seen = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        (episode,) = sample_episode(both, ("bee", "cat"), rng, 2, 2, paired=False)
        assert episode.query.video[0] == episode.support.video[0]
        seen.add(episode.query.video[0])
    assert seen == {"0", "1"}


def test_a_mismatched_support_is_of_a_kind_that_the_query_does_not_show(blocks: Dataset) -> None:
    videos = frozenset(blocks.videos)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        drawn = sample_episode(blocks, ("bee", "cat", "dog"), rng, 2, 3)
        wrong = mismatched(blocks, drawn, ("bee", "cat", "dog"), rng, videos)
        shown = {*blocks.videos[drawn[0].query.video].objects.values()}
        for before, after in zip(drawn, wrong, strict=True):
            assert after.query == before.query and len(after.support.frames) == 3
            kind = blocks.videos[after.support.video].category
            assert kind not in shown and kind in ("bee", "cat", "dog")


def test_where_every_kind_is_shown_there_is_no_mismatch(blocks: Dataset) -> None:
    rng = np.random.default_rng(0)
    drawn = sample_episode(blocks, ("bee",), rng, 2, 2)
    assert mismatched(blocks, drawn, ("bee",), rng, frozenset(blocks.videos)) == drawn
