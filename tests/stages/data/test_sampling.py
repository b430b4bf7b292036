"""Training episodes: what may be drawn, how often, and what is held back."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.clips import Episode
from stages.data.dataset import Dataset
from stages.data.folds import train_categories, videos_of
from stages.data.index import load_dataset
from stages.data.sampling import holdout_episodes, holdout_videos, sample_episode

TRAIN = ("bee", "cat", "dog", "fox", "gnu", "hen")


def draws(dataset: Dataset, count: int, paired: bool) -> list[tuple[Episode, ...]]:
    rng = np.random.default_rng(0)
    return [sample_episode(dataset, TRAIN, rng, 3, 4, paired) for _ in range(count)]


def test_every_draw_is_a_legal_episode(dataset: Dataset) -> None:
    for drawn in draws(dataset, 200, paired=True):
        for episode in drawn:
            query, support = episode.query, episode.support
            assert query.video != support.video
            for clip, count in ((query, 3), (support, 4)):
                assert dataset.videos[clip.video].category == episode.category
                assert clip.expression in dataset.videos[clip.video].targets
                assert len(clip.frames) == count
                steps = np.diff(clip.frames)
                assert (steps == 1).all()


def test_pairs_share_all_but_the_sentence(dataset: Dataset) -> None:
    drawn = draws(dataset, 200, paired=True)
    for episodes in drawn:
        twin_there = episodes[0].query.video[-1] in "13"
        assert len(episodes) == (2 if twin_there else 1)
        if twin_there:
            first, second = episodes
            assert first.support == second.support
            assert first.query.video == second.query.video
            assert first.query.frames == second.query.frames
            assert {e.query.expression.object_id for e in episodes} == {1, 2}
    assert 60 < sum(len(e) == 2 for e in drawn) < 140
    assert all(len(episodes) == 1 for episodes in draws(dataset, 50, paired=False))


def test_categories_are_drawn_evenly(dataset: Dataset) -> None:
    counts = Counter(drawn[0].category for drawn in draws(dataset, 600, paired=False))
    assert set(counts) == set(TRAIN)
    # 600 draws over 6 categories: 100 each, standard deviation 9
    assert max(abs(n - 100) for n in counts.values()) < 45


def test_equal_generators_give_equal_episodes(dataset: Dataset) -> None:
    assert draws(dataset, 20, paired=True) == draws(dataset, 20, paired=True)


def test_videos_limits_the_choice(dataset: Dataset) -> None:
    allowed = {"bee0", "bee3"}
    rng = np.random.default_rng(1)
    for _ in range(20):
        episode = sample_episode(dataset, ["bee"], rng, 3, 3, paired=False, videos=allowed)[0]
        assert {episode.query.video, episode.support.video} == allowed
    with pytest.raises(DataError, match="category 'bee' has 1 video, but an episode needs two"):
        sample_episode(dataset, ["bee"], rng, 3, 3, videos={"bee0"})


def test_no_mask_shows_the_object(
    root: Path, paint: Callable[[Path, NDArray[np.uint8]], None]
) -> None:
    dataset = load_dataset(root)
    for video in dataset.by_category["bee"]:
        for frame in dataset.videos[video].frames:
            paint(dataset.mask_path(video, frame), np.full((24, 40), 9, dtype=np.uint8))
    with pytest.raises(DataError, match="no object of category 'bee' shows in any mask"):
        sample_episode(dataset, ["bee"], np.random.default_rng(0), 3, 3)


def test_holdout_takes_a_share_of_each_training_category(dataset: Dataset) -> None:
    held = holdout_videos(dataset, 1, 0.25)
    assert Counter(dataset.videos[v].category for v in held) == dict.fromkeys(TRAIN, 1)
    assert held <= set(videos_of(dataset, 1, "train"))
    assert holdout_videos(dataset, 1, 0.0) == frozenset()
    # two of the four stay for training however much is asked for
    everything = Counter(dataset.videos[v].category for v in holdout_videos(dataset, 1, 1.0))
    assert everything == dict.fromkeys(TRAIN, 2)


def test_holdout_does_not_hang_on_the_fold(dataset: Dataset) -> None:
    both = set(train_categories(dataset, 1)) & set(train_categories(dataset, 2))
    one, two = (holdout_videos(dataset, fold, 0.25) for fold in (1, 2))
    pick = [{v for v in held if dataset.videos[v].category in both} for held in (one, two)]
    assert pick[0] == pick[1] and pick[0]


def test_holdout_episodes_never_support_with_held_videos(dataset: Dataset) -> None:
    held = holdout_videos(dataset, 1, 0.25)
    found = holdout_episodes(dataset, 1, 0.25, 3, 4)
    assert {e.query.video for e in found} == held
    assert not {e.support.video for e in found} & held
    assert len(found) == sum(len(dataset.videos[v].targets) for v in held)
    assert found == holdout_episodes(dataset, 1, 0.25, 3, 4)
    assert all(len(e.query.frames) == 3 and len(e.support.frames) == 4 for e in found)
