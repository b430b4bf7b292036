"""Videos made of pictures: none supports another that shares one with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from configs.errors import DataError
from stages.data.episodes import (
    holdout_episodes,
    holdout_videos,
    sample_episode,
    test_episodes,
)
from stages.data.folds import train_categories
from stages.data.index import load_dataset
from stages.data.sources import read_sources


def relate(root: Path, videos: dict[str, list[str]]) -> None:
    (root / "sources.json").write_text(json.dumps({"videos": videos}))


def chained(root: Path) -> dict[str, list[str]]:
    """Of each kind's four videos, the first three share a picture and the last has its own."""
    names = load_dataset(root).videos
    pictures = {name: [name[:-1] if name[-1] in "012" else name] for name in names}
    relate(root, pictures)
    return pictures


def test_training_episodes_pair_different_pictures(root: Path) -> None:
    pictures = chained(root)
    dataset = load_dataset(root)
    rng = np.random.default_rng(0)
    queries = set()
    for _ in range(200):
        for episode in sample_episode(dataset, dataset.categories, rng, 2, 2, twin_share=0.5):
            query, support = episode.query.video, episode.support.video
            assert pictures[query] != pictures[support]
            queries.add(query)
    assert len(queries) == len(dataset.videos)  # each can be asked for


def test_test_episodes_pair_different_pictures(root: Path) -> None:
    pictures = chained(root)
    dataset = load_dataset(root)
    for seed in range(5):
        episodes = test_episodes(dataset, 1, seed, 2)
        assert episodes
        for episode in episodes:
            assert pictures[episode.query.video] != pictures[episode.support.video]


def test_held_back_videos_leave_a_pair_to_train_on(root: Path) -> None:
    pictures = chained(root)
    dataset = load_dataset(root)
    held = holdout_videos(dataset, 1, 0.5)
    assert held
    for category in train_categories(dataset, 1):
        left = [v for v in dataset.by_category[category] if v not in held]
        assert len({pictures[v][0] for v in left}) == 2
    for episode in holdout_episodes(dataset, 1, 0.5, 2, 2):
        assert pictures[episode.query.video] != pictures[episode.support.video]


def test_pictures_of_ones_own_change_nothing(root: Path) -> None:
    plain = load_dataset(root)
    relate(root, {name: [name] for name in plain.videos})
    related = load_dataset(root)
    assert test_episodes(related, 1, 0, 2) == test_episodes(plain, 1, 0, 2)
    assert holdout_videos(related, 1, 0.5) == holdout_videos(plain, 1, 0.5)
    drawn = [
        sample_episode(d, d.categories, np.random.default_rng(4), 2, 2, twin_share=0.5)
        for d in (plain, related)
    ]
    assert drawn[0] == drawn[1]


def test_a_kind_of_one_picture_is_named(root: Path) -> None:
    relate(root, {name: ["all"] for name in load_dataset(root).videos})
    dataset = load_dataset(root)
    with pytest.raises(DataError, match="no video of other pictures"):
        test_episodes(dataset, 1, 0, 2)
    with pytest.raises(DataError, match="another can support"):
        sample_episode(dataset, dataset.categories, np.random.default_rng(0), 2, 2)
    assert holdout_videos(dataset, 1, 0.5) == frozenset()


def test_the_file_may_be_absent_or_malformed(root: Path) -> None:
    assert read_sources(root) == {}
    relate(root, {"ant0": 3})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="video 'ant0'"):
        load_dataset(root)
    (root / "sources.json").unlink()
    outside = root.parent / "elsewhere.json"
    outside.write_text('{"videos": {}}')
    (root / "sources.json").symlink_to(outside)
    with pytest.raises(DataError, match="leads out"):
        read_sources(root)
