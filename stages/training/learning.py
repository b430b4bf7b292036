"""One step of training: a batch to losses, losses to better weights."""

from __future__ import annotations

from typing import Any

import torch

from configs import Config
from stages.feeding.batches import EpisodeBatch
from stages.model.fsrvos import FsrvosModel
from stages.model.losses import Losses, compute_losses
from stages.model.matcher import LossWeights
from stages.model.recompute import recompute_layers
from stages.model.targets import Targets
from stages.runtime.precision import autocast_dtype
from stages.training.optimisation import make_optimizer, make_schedule


class Learner:
    """A network with its optimiser and schedule, as a configuration states them."""

    def __init__(self, model: FsrvosModel, config: Config, device: torch.device) -> None:
        self.model, self.config, self.device = model, config, device
        if not config.model.train_affinity:
            model.affinity.freeze_projections()
        if config.train.checkpointing:
            recompute_layers(model)
        self.optimizer = make_optimizer(model, config.train)
        self.schedule = make_schedule(self.optimizer, config.train)
        self.dtype = autocast_dtype(config.train.precision, device)

    def go_on(self, optimizer_state: dict[str, Any], step: int) -> None:
        """Take over an optimiser's state after `step` steps; the schedule goes on from there."""
        self.optimizer.load_state_dict(optimizer_state)
        self.schedule = make_schedule(self.optimizer, self.config.train, step)

    @property
    def learning_rate(self) -> float:
        """Of the coming step."""
        return float(self.schedule.get_last_lr()[0])

    def losses(self, batch: EpisodeBatch) -> Losses:
        """What the network gets wrong in a batch that has targets."""
        assert batch.targets is not None
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype is not None):
            prediction = self.model(batch.query, batch.words, batch.support)
        grid, options = prediction.masks.shape[-2:], self.config.model
        return compute_losses(
            prediction,
            Targets.of(batch.targets, batch.query.size, (grid[0], grid[1]), options.mask_stride),
            loss_weights(self.config),
            shared_mask_divisor=options.shared_mask_divisor,
            twins=batch.twins,
            mask_points=self.config.train.mask_points,
        )

    def descend(self, losses: Losses) -> None:
        """Backward pass and one step of the optimiser."""
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip_norm)
        self.optimizer.step()
        self.schedule.step()


def loss_weights(config: Config) -> LossWeights:
    """The weights that a configuration states."""
    stated = config.train
    return LossWeights(
        score=stated.weight_class,
        box=stated.weight_box,
        giou=stated.weight_giou,
        mask=stated.weight_mask,
        dice=stated.weight_dice,
        dense=stated.weight_dense,
        twin=stated.weight_twin,
    )
