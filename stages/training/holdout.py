"""Training videos that are held back: J on them, and what a network sets from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from configs import Config
from stages.data.dataset import Dataset
from stages.data.episodes import Episode
from stages.data.sampling import mismatched
from stages.feeding.batches import FeatureSource, collate
from stages.feeding.inference import answers, presence_of, run_model
from stages.model.network import Network
from stages.model.prediction import Prediction
from stages.runs.calibration import Calibration, calibrated
from stages.scoring.metrics import region_j


@dataclass(frozen=True)
class Holdout:
    """Episodes of held-back videos, of which there may be none, and where their features are."""

    episodes: Sequence[Episode]
    dataset: Dataset
    source: FeatureSource
    config: Config
    device: torch.device

    def mean_j(self, network: Network) -> float:
        """Mean J over `train.holdout_episodes` of them, in [0, 1]; 0 where none are held back."""
        if not self.episodes:
            return 0.0
        network.eval()
        every = max(1, len(self.episodes) // self.config.train.holdout_episodes)
        return float(np.mean([self._j(network, episode) for episode in self.episodes[::every]]))

    def calibrate(self, network: Network) -> Calibration:
        """Let the network set from them what training cannot, and find what its presence is worth:
        on the episodes, and on the same with a support of a kind that the query does not show."""
        network.eval()
        said = [self._said(network, episode) for episode in self.episodes]
        if said:
            network.calibrate(said)
            said = [self._said(network, episode) for episode in self.episodes]
        absent = [self._said(network, episode) for episode in self.without_the_kind()]
        return calibrated([presence_of(clip) for clip in said], [presence_of(c) for c in absent])

    def without_the_kind(self) -> list[Episode]:
        """The episodes with a support of another kind, where the videos leave one."""
        categories = sorted({episode.category for episode in self.episodes})
        videos = {episode.support.video for episode in self.episodes}
        rng = np.random.default_rng(0)
        drawn = [
            (episode, mismatched(self.dataset, [episode], categories, rng, videos)[0])
            for episode in self.episodes
        ]
        return [other for episode, other in drawn if other.support != episode.support]

    def _said(self, network: Network, episode: Episode) -> Prediction:
        batch = collate(self.dataset, self.source, [episode], self.device, with_targets=False)
        return run_model(network, batch, self.config.train.precision)

    def _j(self, network: Network, episode: Episode) -> float:
        """Mean J of one episode at network input size."""
        batch = collate(self.dataset, self.source, [episode], self.device)
        assert batch.targets is not None
        size = (batch.targets.shape[-2], batch.targets.shape[-1])
        said = run_model(network, batch, self.config.train.precision)
        per_frame = self.config.evaluate.per_frame
        stride = network.mask_stride
        answer = answers(said, batch.query, stride, [size], per_frame=per_frame)[0]
        return float(region_j(answer.masks, batch.targets[0].cpu().numpy()).mean())
