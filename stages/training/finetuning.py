"""A trained network tuned on one support clip: the protocol behind "fine-tuned" in the paper's
table 3.

The paper states no recipe. This is the one that an earlier revision of the authors' repository
had for it: AdamW at 1e-4, a tenth of it after half of the steps and again after five sixths, with
a weight decay of 5e-4 and gradients clipped to a norm of 0.1. The support clip is query and support
at once, told its own sentence.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import torch

from configs import Config, UsageError
from configs.training import TrainConfig
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.feeding.batches import FeatureSource, collate
from stages.model.network import Network
from stages.model.networks import UNTRAINED
from stages.training.learning import Learner

SEED = 0  # of dropout, the same for every clip


class SupportTuner:
    """Copies of one network, each tuned on a support clip. The latest copy is kept."""

    def __init__(
        self,
        network: Network,
        config: Config,
        dataset: Dataset,
        source: FeatureSource,
        device: torch.device,
    ) -> None:
        """config: `evaluate.finetune_steps` and `evaluate.finetune_rate` count, and the loss
        weights of `train`. Raises UsageError for a network without anything to tune."""
        if config.model.network in UNTRAINED:
            raise UsageError(
                f"model.network {config.model.network} has nothing to tune; leave "
                "--finetune-on-support out"
            )
        self.network, self.dataset, self.source, self.device = network, dataset, source, device
        steps = config.evaluate.finetune_steps
        self.config = replace(
            config, train=recipe(config.train, steps, config.evaluate.finetune_rate)
        )
        self.latest: tuple[Clip, Network] | None = None

    def tuned(self, support: Clip) -> Network:
        """The network after its steps on a support clip, in evaluation mode."""
        if self.latest is None or self.latest[0] != support:
            self.latest = (support, self.tune(support))
        return self.latest[1]

    def tune(self, support: Clip) -> Network:
        """A new copy."""
        category = self.dataset.videos[support.video].objects[support.expression.object_id]
        episode = Episode(query=support, support=support, category=category)
        batch = collate(self.dataset, self.source, [episode], self.device)
        copy = deepcopy(self.network)
        learner = Learner(copy, self.config, self.device)
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            for _ in range(self.config.train.steps):
                copy.train()
                losses = learner.losses(batch)
                if losses.total.requires_grad:  # not where nothing was found to choose among
                    learner.backward(losses)
                    learner.descend()
        return copy.eval()


def recipe(options: TrainConfig, steps: int, rate: float) -> TrainConfig:
    """Training options as they are for tuning; the loss weights stay."""
    return replace(
        options,
        steps=steps,
        learning_rate=rate,
        warmup_steps=0,
        schedule="drops",
        drops=(steps // 2, 5 * steps // 6),
        weight_decay=5e-4,
        clip_norm=0.1,
        checkpointing=False,
    )
