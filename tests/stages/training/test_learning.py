"""The options of a training step reach the network and the losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from configs import Config
from stages.feeding.batches import EpisodeBatch
from stages.model.prediction import Losses
from stages.training.learning import Learner
from tests.stages.model.small import frames, small_model, support, words


def step(**options: Any) -> tuple[Losses, dict[str, Tensor]]:
    """Losses of one step and the weights it leaves."""
    model = small_model("default", dropout=0.1).train()
    config = replace(Config(), model=model.config)
    config = replace(config, train=replace(config.train, precision="fp32", **options))
    masks = torch.zeros(2, 3, 64, 96, dtype=torch.bool)
    masks[:, :, 10:30, 20:60] = True
    learner = Learner(model, config, torch.device("cpu"))
    torch.manual_seed(0)
    losses = learner.losses(EpisodeBatch(frames(2, 3), words(2, 5), support(2), masks))
    learner.backward(losses)
    learner.descend()
    return losses, {name: value.clone() for name, value in model.state_dict().items()}


def test_checkpointing_trains_alike_to_the_bit() -> None:
    plain, weights = step()
    with patch("stages.model.recompute.checkpoint", side_effect=checkpoint) as run_again:
        again, same = step(checkpointing=True)
    assert run_again.call_count == 2 + 2 + 4  # layers of the encoder and decoder, stages
    assert torch.equal(plain.total, again.total)
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_mask_points_change_the_mask_terms_of_earlier_layers_alone() -> None:
    plain, drawn = step()[0].terms, step(mask_points=20)[0].terms
    changed = {name for name in plain if not torch.equal(plain[name], drawn[name])}
    assert changed == {"loss_mask_0", "loss_dice_0"}
