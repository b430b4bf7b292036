"""One step of training: a batch to losses, losses to better weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from configs import Config
from stages.feeding.batches import EpisodeBatch
from stages.model.network import Network
from stages.model.prediction import Losses, Truth
from stages.model.recompute import recompute_layers
from stages.runtime.precision import autocast_dtype
from stages.training.optimisation import make_optimizer, make_schedule
from stages.training.parts import split
from stages.training.randomness import random_state, restore_random_state


class Learner:
    """A network with its optimiser and schedule, as a configuration states them."""

    def __init__(self, model: Network, config: Config, device: torch.device) -> None:
        self.model, self.config, self.device = model, config, device
        model.freeze()
        if config.train.checkpointing:
            recompute_layers(model)
        self.optimizer = make_optimizer(model, config.train)
        self.schedule = make_schedule(self.optimizer, config.train)
        self.dtype = autocast_dtype(config.train.precision, device)
        self.norm = 0.0

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
        kind = batch.targets if batch.kind is None else batch.kind
        truth = Truth(batch.targets, kind, batch.query.size, batch.twins)
        return self.model.losses(prediction, truth, self.config.train)

    def gradients(self, batch: EpisodeBatch) -> Losses:
        """The losses of a batch and their gradients, as `backward` leaves them.

        With `train.accumulate`, part by part. What a term is a mean over is counted first, over
        all parts, since a network may find it out; dropout is that of the pass that learns.
        """
        parts = split(batch, self.config.train.accumulate)
        if len(parts) == 1:
            losses = self.losses(batch)
            self.backward(losses)
            return losses
        counts = self._counts(parts)
        self.optimizer.zero_grad(set_to_none=True)
        total, terms = torch.zeros((), device=self.device), dict[str, Tensor]()
        for part in parts:
            share = len(part.query.size) / len(batch.query.size)
            losses = self.losses(part).of_whole(share, counts)
            if losses.total.requires_grad:
                losses.total.backward()
            total += losses.total.detach()
            for name, term in losses.terms.items():
                terms[name] = terms.get(name, torch.zeros_like(total)) + term.detach()
        self._clip()
        return Losses(total, terms)

    def _counts(self, parts: Sequence[EpisodeBatch]) -> dict[str, Tensor]:
        """What the terms of all parts together are means over.

        The random state and the network's buffers, running statistics among them, stay as they are.
        """
        drawn = random_state(self.device)
        buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        counts: dict[str, Tensor] = {}
        with torch.no_grad():
            for part in parts:
                for name, (_, count) in self.losses(part).counts.items():
                    counts[name] = counts[name] + count if name in counts else count
            for buffer, before in buffers:
                buffer.copy_(before)
        restore_random_state(drawn, self.device)
        return counts

    def backward(self, losses: Losses) -> None:
        """Gradients of the losses, clipped; `norm` is theirs before that. Weights stay."""
        self.optimizer.zero_grad(set_to_none=True)
        if losses.total.requires_grad:  # not where nothing was found to choose among
            losses.total.backward()
        self._clip()

    def _clip(self) -> None:
        clip = self.config.train.clip_norm
        self.norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip))

    def descend(self) -> None:
        """One step of the optimiser along the gradients."""
        self.optimizer.step()
        self.schedule.step()
