"""Test episodes of a fold and their controls. The other episode modules are reachable from here.

`clips` holds the values and draws, `sampling` the training episodes, `manifest` the JSON file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from configs.errors import DataError
from stages.data.clips import (
    Clip,
    Episode,
    consecutive,
    draw_support,
    stable_number,
    twin,
    twins,
)
from stages.data.dataset import Dataset, Expression
from stages.data.folds import test_categories, videos_of
from stages.data.manifest import manifest_digest, read_manifest, write_manifest
from stages.data.sampling import holdout_episodes, holdout_videos, require_two, sample_episode

__all__ = [
    "Clip",
    "Episode",
    "consecutive",
    "holdout_episodes",
    "holdout_videos",
    "manifest_digest",
    "read_manifest",
    "sample_episode",
    "test_episodes",
    "twin",
    "twins",
    "write_manifest",
    "wrong_support",
]


def test_episodes(
    dataset: Dataset,
    fold: int,
    seed: int,
    support_frames: int,
    per_category: int = 0,
    every_object: bool = False,
) -> list[Episode]:
    """The test episodes of `fold` for one seed, in class-id order, then by video name.

    Per category one support clip is drawn; the queries are the expressions of its other videos
    (less those made of the support's pictures), each over the whole video. The draw hangs on the
    seed and the category's name alone (the authors' hangs on Python's string hash). `per_category`
    > 0 keeps that many random queries.
    The authors also ask for objects of other categories that their videos name; `every_object`
    does too, otherwise a query's object is of the support's category. DataError when a category
    has fewer than two videos.
    """
    allowed = set(videos_of(dataset, fold, "test"))
    episodes: list[Episode] = []
    for category in test_categories(dataset, fold):
        videos = [
            v
            for v in dataset.by_category.get(category, ())
            if v in allowed and dataset.videos[v].targets
        ]
        require_two(dataset, category, len(videos))
        rng = np.random.default_rng([seed, stable_number("test", category)])
        support = draw_support(dataset, videos, category, support_frames, rng)
        queries = [
            Clip(v, expression, tuple(range(len(dataset.videos[v].frames))))
            for v in dataset.unrelated(support.video, videos)
            if v != support.video
            for expression in _asked(dataset, v, every_object)
        ]
        if not queries:
            raise DataError(
                f"{dataset.root}: category {category!r} has no video of other pictures than its "
                f"support {support.video!r}; add videos of it or leave it out in folds.json"
            )
        if 0 < per_category < len(queries):
            kept = sorted(rng.choice(len(queries), per_category, replace=False))
            queries = [queries[int(i)] for i in kept]
        episodes.extend(Episode(query, support, category) for query in queries)
    return episodes


# pytest collects functions of this name from modules that import it.
test_episodes.__test__ = False  # type: ignore[attr-defined]


def _asked(dataset: Dataset, video: str, every_object: bool) -> tuple[Expression, ...]:
    entry = dataset.videos[video]
    return entry.expressions if every_object else entry.targets


def wrong_support(episodes: Sequence[Episode]) -> list[Episode]:
    """The same queries, each with the support of the next test category (the last takes the first).

    Every other term stays equal, so the difference in score is what the support is worth.
    """
    supports = {episode.category: episode.support for episode in episodes}
    names = list(supports)
    if len(names) < 2:
        raise DataError(
            "the wrong-category control needs episodes of two test categories; "
            "choose a fold with two or more, or leave the controls out (--no-controls)"
        )
    following = {name: names[(i + 1) % len(names)] for i, name in enumerate(names)}
    return [replace(e, support=supports[following[e.category]]) for e in episodes]
