"""Many-to-many attention against its formula, and the losses in closed form."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from configs.training import TrainConfig
from stages.model.baselines.danet import ManyToManyAttention, ResidualBlock, overlap_loss
from stages.model.prediction import Prediction, Truth
from tests.stages.model.baselines.plain import softmax_read
from tests.stages.model.baselines.test_networks import network


def tokens(convolution: torch.nn.Conv2d, frames: Tensor) -> Tensor:
    """3x3 convolution of frames [T, h, w, C], all cells of all frames in one list."""
    drawn = F.conv2d(frames.permute(0, 3, 1, 2), convolution.weight, convolution.bias, padding=1)
    return torch.cat([frame.flatten(1).T for frame in drawn])


@torch.no_grad()
def test_support_and_query_meet_in_the_middle_query_frame() -> None:
    torch.manual_seed(0)
    module = ManyToManyAttention(width=8, inner=4)
    query, support = torch.randn(1, 3, 2, 3, 8), torch.randn(1, 2, 3, 2, 8)
    own, shown = module.query_projection, module.support_projection
    middle = query[0, 1:2]
    found = softmax_read(
        tokens(own.query, middle), tokens(shown.key, support[0]), tokens(shown.value, support[0])
    )
    read = softmax_read(tokens(own.query, query[0]), tokens(own.key, middle), found)
    kept = query[0].reshape(-1, 8) @ module.skip.weight[:, :, 0, 0].T + module.skip.bias
    expected = torch.cat((read, kept), dim=-1).view(1, 3, 2, 3, 8)
    torch.testing.assert_close(module(query, support), expected)


@torch.no_grad()
def test_padded_support_cells_are_as_none() -> None:
    torch.manual_seed(0)
    module = ManyToManyAttention(width=8, inner=4)
    query, support = torch.randn(1, 3, 2, 3, 8), torch.randn(1, 2, 3, 4, 8)
    support[:, :, :, 2:] = 0  # a 3x3 convolution sees zeros beyond the border, too
    padding = torch.zeros(1, 2, 3, 4, dtype=torch.bool)
    padding[..., 2:] = True
    torch.testing.assert_close(
        module(query, support, None, padding), module(query, support[:, :, :, :2])
    )


@torch.no_grad()
def test_a_residual_block_without_weights_changes_nothing() -> None:
    block = ResidualBlock(4)
    for parameter in block.second.parameters():
        parameter.zero_()
    maps = torch.randn(2, 4, 3, 3)
    assert torch.equal(block(maps), maps)


def test_losses_in_closed_form() -> None:
    true = torch.zeros(1, 2, 64, 96, dtype=torch.bool)
    true[0, 0, :, :48] = True  # half of the first frame, nothing of the second
    share = torch.tensor([0.75, 0.5])
    logits = share.logit()[None, :, None, None, None].expand(1, 2, 1, 16, 24)
    said = Prediction(torch.zeros(1, 2, 1, 1), logits)
    losses = network("danet").losses(
        said, Truth(true, true, torch.tensor([[64, 96]])), TrainConfig()
    )
    first = -(share[0].log() + (1 - share[0]).log()) / 2
    entropy = float(first - share[1].log()) / 2
    overlaps = [0.75 * 0.5 / (0.5 * 1 + 0.5 * 0.75), 0.0]
    expected = 5 * entropy + 1 - sum(overlaps) / 2
    assert float(losses.total) == pytest.approx(expected, rel=1e-5)


def test_a_perfect_mask_costs_no_overlap() -> None:
    true = torch.tensor([[[[0.0, 1.0], [0.5, 1.0]]]])
    assert float(overlap_loss(true, true)) == 0
    assert float(overlap_loss(1 - true, true)) == pytest.approx(1 - 0.5 / 3.5)
