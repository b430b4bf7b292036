"""Training videos that are held back: J on them, and what a network sets from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from configs import Config
from stages.data.dataset import Dataset
from stages.data.episodes import Episode
from stages.feeding.batches import FeatureSource, collate
from stages.feeding.inference import answers, run_model
from stages.model.network import Network
from stages.model.prediction import Prediction
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

    def calibrate(self, network: Network) -> None:
        """Let the network set from them what training cannot."""
        if self.episodes:
            network.eval()
            network.calibrate([self._said(network, episode) for episode in self.episodes])

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
