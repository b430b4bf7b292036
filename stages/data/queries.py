"""Queries: what is asked of a dataset where no support has been drawn, as of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configs.errors import DataError
from stages.data.clips import Episode
from stages.data.dataset import Dataset, Expression
from stages.data.folds import test_categories, videos_of


@dataclass(frozen=True)
class Query:
    """An expression, asked of its whole video, and the category that its score counts for."""

    expression: Expression
    category: str


def every_query(dataset: Dataset) -> list[Query]:
    """Every expression of the dataset, by video name; each counts for its object's category."""
    return [
        Query(expression, dataset.videos[video].objects[expression.object_id])
        for video in sorted(dataset.videos)
        for expression in dataset.videos[video].expressions
    ]


def queries_of_fold(dataset: Dataset, fold: int, every_object: bool) -> list[Query]:
    """The expressions of a fold's test videos, in class-id order, then by video name.

    They are those that a test episode may ask, before one video a category becomes the support.
    every_object: also those about objects of another category than their video's, which count for
    the video's. Raises UsageError or DataError as `stages.data.folds`.
    """
    allowed = set(videos_of(dataset, fold, "test"))
    found = []
    for category in test_categories(dataset, fold):
        for video in dataset.by_category.get(category, ()):
            if video in allowed:
                entry = dataset.videos[video]
                asked = entry.expressions if every_object else entry.targets
                found += [Query(expression, category) for expression in asked]
    if not found:
        raise DataError(f"{dataset.root}: fold {fold} has no test video; choose another fold")
    return found


def queries_of_episodes(episodes: Sequence[Episode]) -> list[Query]:
    """What the episodes ask, without their support."""
    return [Query(episode.query.expression, episode.category) for episode in episodes]
