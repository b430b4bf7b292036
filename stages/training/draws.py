"""What a step is trained on: episodes that the seed and the step's number decide alone."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from configs import Config
from stages.data.clips import Episode
from stages.data.dataset import Dataset
from stages.data.nouns import hide_noun
from stages.data.sampling import mismatched, sample_episode
from stages.feeding.batches import EpisodeBatch, FeatureSource, collate
from stages.training.augmentation import Augmentation
from stages.training.perturbation import perturb

# Views are drawn apart from episodes: what is trained on is the same with and without them.
VIEWS = 1


class Draws:
    """The batches of a training, step by step, in any order and from any thread.

    categories, videos: that episodes are drawn from.
    """

    def __init__(
        self,
        dataset: Dataset,
        source: FeatureSource,
        config: Config,
        seed: int,
        categories: Sequence[str],
        videos: Set[str],
        device: torch.device,
    ) -> None:
        self.dataset, self.source, self.config, self.seed = dataset, source, config, seed
        self.categories, self.videos, self.device = categories, videos, device

    def __call__(self, step: int) -> EpisodeBatch:
        """Step `step`'s episodes, twins in pairs."""
        rng = np.random.default_rng([self.seed, step])
        stated = self.config.train
        augment = Augmentation(
            self.dataset, self.source, stated, np.random.default_rng([self.seed, step, VIEWS])
        )
        episodes, sentences, draws = list[Episode](), list[str](), list[int]()
        for draw in range(stated.videos_per_step):
            drawn = self.draw(rng)
            hidden = rng.random() < stated.hide_nouns
            episodes += augment(drawn)
            sentences += [spoken(episode, hidden) for episode in drawn]
            draws += [draw] * len(drawn)
        batch = collate(self.dataset, self.source, episodes, self.device, sentences)
        twins = tuple((i, i + 1) for i, (a, b) in enumerate(pairwise(draws)) if a == b)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return perturb(replace(batch, twins=twins), draws, stated, noise)

    def draw(self, rng: np.random.Generator) -> tuple[Episode, ...]:
        """A query video's episode, or its two where it has twins."""
        options, stated = self.config.data, self.config.train
        drawn = sample_episode(
            self.dataset,
            self.categories,
            rng,
            options.frames,
            options.support_frames,
            paired=stated.paired,
            videos=self.videos,
            twin_share=stated.twin_share,
        )
        if stated.wrong_support and rng.random() < stated.wrong_support:
            return mismatched(self.dataset, drawn, self.categories, rng, self.videos)
        return drawn


def spoken(episode: Episode, hidden: bool) -> str:
    """The query's sentence, or what it says without naming the category."""
    text = episode.query.expression.text
    return hide_noun(text, episode.category) if hidden else text
