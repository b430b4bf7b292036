"""Training episodes, and the slice of training videos that is held back to watch progress."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np

from configs.errors import DataError
from stages.data.clips import Clip, Episode, draw_clip, draw_support, stable_number, twins
from stages.data.dataset import Dataset
from stages.data.folds import train_categories, videos_of


def sample_episode(
    dataset: Dataset,
    categories: Sequence[str],
    rng: np.random.Generator,
    frames: int,
    support_frames: int,
    paired: bool = True,
    videos: Set[str] | None = None,
    twin_share: float = 0.0,
) -> tuple[Episode, ...]:
    """One random training episode, or with `paired` two for a video with twins.

    A category is drawn uniformly, then a query video, one of its expressions and `frames`
    consecutive frames, then another video of the category as support. The pair shares frames and
    support and differs in the sentence alone, which is what forces a model to read it. `videos`
    limits the choice (the training split less the held-back videos). `twin_share` is the chance
    that the query is drawn among the videos with twins alone. Equal generators give equal
    episodes. DataError when a category has fewer than two usable videos.
    """
    if not categories:
        raise DataError(
            f"{dataset.root}: the fold has no category to train on; choose another fold or dataset"
        )
    category = categories[int(rng.integers(len(categories)))]
    pool = [
        v
        for v in dataset.by_category.get(category, ())
        if (videos is None or v in videos) and dataset.videos[v].targets
    ]
    require_two(dataset, category, len(pool))
    asked = usable = supportable(dataset, pool)
    if twin_share > 0 and rng.random() < twin_share:
        asked = [v for v in usable if twins(dataset, dataset.videos[v].targets[0])] or usable
    query = None
    for i in rng.permutation(len(asked)):
        video = asked[int(i)]
        query = draw_clip(dataset, video, dataset.videos[video].targets, frames, rng)
        if query is not None:
            break
    if query is None:
        raise DataError(
            f"{dataset.root}: no object of category {category!r} shows in any mask of a video "
            "that another can support; check the object ids of its masks"
        )
    others = dataset.unrelated(query.video, [v for v in pool if v != query.video])
    support = draw_support(dataset, others, category, support_frames, rng)
    episode = Episode(query, support, category)
    rivals = twins(dataset, query.expression) if paired else ()
    if not rivals:
        return (episode,)
    other = rivals[int(rng.integers(len(rivals)))]
    return (episode, Episode(Clip(query.video, other, query.frames), support, category))


def mismatched(
    dataset: Dataset,
    episodes: Sequence[Episode],
    categories: Sequence[str],
    rng: np.random.Generator,
    videos: Set[str],
) -> tuple[Episode, ...]:
    """The same queries with a support of another of `categories`, which their video does not show.

    Nothing is to be found then. The episodes themselves where every category is shown.
    """
    shown = {*dataset.videos[episodes[0].query.video].objects.values()}
    others = [name for name in categories if name not in shown]
    if not others:
        return tuple(episodes)
    category = others[int(rng.integers(len(others)))]
    pool = [v for v in dataset.by_category[category] if v in videos]
    shots = len(episodes[0].support.frames)
    support = draw_support(dataset, pool, category, shots, rng)
    return tuple(replace(episode, support=support) for episode in episodes)


def supportable(dataset: Dataset, videos: Sequence[str]) -> list[str]:
    """Those of `videos` that another of them may support: all, unless made of the same pictures."""
    return [v for v in videos if dataset.unrelated(v, [other for other in videos if other != v])]


def require_two(dataset: Dataset, category: str, count: int) -> None:
    """DataError unless the category has a query and a support video."""
    if count < 2:
        have = "no video" if not count else "1 video"
        raise DataError(
            f"{dataset.root}: category {category!r} has {have}, but an episode needs two (query "
            "and support); add videos of it or leave it out in folds.json"
        )


def holdout_videos(dataset: Dataset, fold: int, share: float) -> frozenset[str]:
    """Training videos of `fold` held back from training: about `share` of each category.

    Chosen by a hash of the video's name, so the choice depends on no seed and no file order.
    Every category keeps at least two videos to train on, of which one may support another.
    """
    training = set(videos_of(dataset, fold, "train"))
    held: set[str] = set()
    for category in train_categories(dataset, fold):
        ids = [v for v in dataset.by_category.get(category, ()) if v in training]
        count = min(max(1, round(share * len(ids))), len(ids) - 2) if share > 0 else 0
        left = list(ids)
        for video in sorted(ids, key=lambda v: stable_number("holdout", v)):
            rest = [v for v in left if v != video]
            if len(ids) - len(left) < count and supportable(dataset, rest):
                left = rest
        held.update(set(ids) - set(left))
    return frozenset(held)


def holdout_episodes(
    dataset: Dataset, fold: int, share: float, frames: int, support_frames: int, seed: int = 0
) -> list[Episode]:
    """An episode per expression of the held-back videos, supports from the other training videos.

    Each query is one window of `frames` frames. The list depends on the arguments alone.
    """
    held = holdout_videos(dataset, fold, share)
    training = [v for v in videos_of(dataset, fold, "train") if v not in held]
    episodes: list[Episode] = []
    for video in sorted(held):
        category = dataset.videos[video].category
        of_kind = [v for v in training if dataset.videos[v].category == category]
        pool = dataset.unrelated(video, of_kind)
        if of_kind and not pool:  # all were made of the video's own pictures
            continue
        rng = np.random.default_rng([seed, stable_number("holdout", video)])
        support = draw_support(dataset, pool, category, support_frames, rng)
        for expression in dataset.videos[video].targets:
            clip = draw_clip(dataset, video, [expression], frames, rng)
            if clip is not None:
                episodes.append(Episode(clip, support, category))
    return episodes
