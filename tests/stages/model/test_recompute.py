"""Layers that are run twice instead of kept: the same numbers, from less memory."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from stages.model.losses import compute_losses
from stages.model.recompute import recompute_layers
from stages.model.targets import Targets
from tests.stages.model.small import VARIANTS, frames, small_model, support, words


class Step:
    """Loss, gradients and bytes kept for the backward pass of one training step."""

    def __init__(
        self, variant: Literal["official", "paper", "default"], recomputed: bool, bf16: bool
    ):
        model = small_model(variant, dropout=0.2).train()
        if recomputed:
            recompute_layers(model)
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        query = frames(2, 3)
        masks = torch.zeros(2, 3, 64, 96, dtype=torch.bool)
        masks[:, :, 10:30, 20:60] = True
        torch.manual_seed(3)
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16),
        ):
            prediction = model(query, words(2, 5), support(2))
        losses = compute_losses(prediction, Targets.of(masks, query.size, (16, 24), stride=4))
        self.kept = sum(kept.values())
        self.loss = losses.total
        self.loss.backward()
        self.gradients = {name: p.grad for name, p in model.named_parameters()}
        self.drawn_after = torch.rand(4)


@pytest.mark.filterwarnings("ignore:.*bfloat16.*:UserWarning")
@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_loss_and_gradients_to_the_bit(
    variant: Literal["official", "paper", "default"], bf16: bool
) -> None:
    kept, made_again = (Step(variant, recomputed, bf16) for recomputed in (False, True))
    assert torch.equal(kept.loss, made_again.loss)
    for name, gradient in kept.gradients.items():
        again = made_again.gradients[name]
        if gradient is None:
            assert again is None, name
        else:
            assert again is not None and torch.equal(gradient, again), name
    assert torch.equal(kept.drawn_after, made_again.drawn_after)
    assert made_again.kept < 0.7 * kept.kept


def test_nothing_changes_in_evaluation() -> None:
    model = small_model("default")
    inputs = (frames(1, 2), words(1, 3), support(1))
    with torch.no_grad():
        before = model(*inputs).masks
        recompute_layers(model)
        assert torch.equal(model(*inputs).masks, before)
