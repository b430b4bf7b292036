"""Deformable attention against transformers' and against its own gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stages.model.deformable import (
    DeformableAttention,
    Layout,
    give_back,
    neighbours,
    sample_by_level,
    sample_in_one_gather,
)

SHAPES = ((5, 7), (3, 4), (2, 2), (1, 1))
CELLS = sum(height * width for height, width in SHAPES)


def layout(padding: Tensor | None = None) -> Layout:
    return Layout(SHAPES, padding, torch.ones(1, len(SHAPES), 2))


def draw(dtype: torch.dtype = torch.float32, points: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Values, locations (some outside the map) and weights for 2 frames, 6 queries, 4 heads."""
    torch.manual_seed(3)
    value = torch.randn(2, CELLS, 4, 8, dtype=dtype)
    locations = torch.rand(2, 6, 4, len(SHAPES), points, 2, dtype=dtype) * 1.6 - 0.3
    weights = torch.rand(2, 6, 4, len(SHAPES), points, dtype=dtype)
    return value, locations, weights


def oracle(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """transformers' own sampling."""
    from transformers.models.deformable_detr import modeling_deformable_detr as detr

    shapes = torch.tensor(SHAPES)
    starts = torch.cat((shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]))
    attention = detr.MultiScaleDeformableAttention()
    return attention(value, shapes, list(SHAPES), starts, locations, weights, 64)


@pytest.mark.parametrize("points", [1, 3])
def test_both_ways_of_sampling_equal_transformers(points: int) -> None:
    value, locations, weights = draw(points=points)
    expected = oracle(value, locations, weights)
    one = sample_in_one_gather(value, locations, weights, SHAPES)
    other = sample_by_level(value, locations, weights, layout())
    torch.testing.assert_close(one, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other, expected, rtol=1e-5, atol=1e-5)


def test_gradients_equal_transformers() -> None:
    gradients = []
    for way in (oracle, lambda v, p, w: sample_in_one_gather(v, p, w, SHAPES)):
        leaves = [part.requires_grad_() for part in draw()]
        out = way(*leaves)
        torch.manual_seed(9)
        gradients.append(torch.autograd.grad(out, leaves, torch.randn_like(out)))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_whole_module_equals_transformers() -> None:
    """Offsets, weights, padding and both kinds of references."""
    from transformers import DeformableDetrConfig
    from transformers.models.deformable_detr import modeling_deformable_detr as detr

    torch.manual_seed(0)
    config = DeformableDetrConfig(
        d_model=32,
        num_feature_levels=len(SHAPES),
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config={"model_type": "resnet"},
    )
    theirs = detr.DeformableDetrMultiscaleDeformableAttention(config, num_heads=4, n_points=2)
    ours = DeformableAttention(width=32, heads=4, levels=len(SHAPES), points=2)
    pairs = {
        "sampling_offsets": ours.offsets,
        "attention_weights": ours.weights,
        "value_proj": ours.value,
        "output_proj": ours.output,
    }
    with torch.no_grad():
        for name, mine in pairs.items():
            for part in ("weight", "bias"):
                parameter = getattr(mine, part)
                parameter.copy_(0.3 * torch.randn_like(parameter))
                getattr(getattr(theirs, name), part).copy_(parameter)
    query, memory = torch.randn(2, 5, 32), torch.randn(2, CELLS, 32)
    padding = torch.rand(2, CELLS) > 0.8
    shapes = torch.tensor(SHAPES)
    starts = torch.cat((shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]))
    for coordinates in (2, 4):
        references = torch.rand(2, 5, len(SHAPES), coordinates)
        expected, _ = theirs(
            hidden_states=query,
            attention_mask=~padding,
            encoder_hidden_states=memory,
            reference_points=references,
            spatial_shapes=shapes,
            spatial_shapes_list=list(SHAPES),
            level_start_index=starts,
        )
        found = ours(query, references, memory, layout(padding))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_centre_reads_its_own_cell_and_outside_reads_nothing() -> None:
    value = torch.arange(float(CELLS)).view(1, CELLS, 1, 1)
    centres = torch.tensor([[2.5 / 7, 1.5 / 5], [-1.0, 0.5], [0.5, 2.0]])
    locations = torch.full((1, 3, 1, len(SHAPES), 1, 2), 0.5)
    locations[0, :, 0, 0, 0] = centres
    weights = torch.zeros(1, 3, 1, len(SHAPES), 1)
    weights[..., 0, :] = 1.0
    read = sample_in_one_gather(value, locations, weights, SHAPES)
    torch.testing.assert_close(read[0, :, 0], torch.tensor([1 * 7 + 2.0, 0.0, 0.0]))


def test_neighbours_share_one_unless_outside() -> None:
    places = torch.tensor([0.5, 0.0, 1.0, -0.2, 1.3])  # of 4 cells: 1.5, -0.5, 3.5, -1.3, 4.7
    pairs = neighbours(places, torch.tensor([4] * 5, dtype=torch.int32))
    cells, shares = (torch.stack(part) for part in zip(*pairs, strict=True))
    assert cells.min() >= 0
    assert cells.max() <= 3
    torch.testing.assert_close(shares.sum(0), torch.tensor([1.0, 0.5, 0.5, 0.0, 0.0]))
    assert cells[:, 0].tolist() == [1, 2]


def test_give_back_equals_a_loop() -> None:
    torch.manual_seed(0)
    rows = torch.randint(0, 5, (7, 3), dtype=torch.int32)
    shares, gradient = torch.rand(7, 3), torch.randn(7, 2)
    expected = torch.zeros(6, 2)  # row 5 is read by nobody
    for bag in range(7):
        for place in range(3):
            expected[rows[bag, place]] += shares[bag, place] * gradient[bag]
    torch.testing.assert_close(give_back(gradient, rows, shares, 6), expected)


def test_layout_takes_valid_shares_from_the_first_row_and_column() -> None:
    mask = torch.zeros(2, 4, 8, dtype=torch.bool)
    mask[1, 3:], mask[1, :, 2:] = True, True
    made = Layout.of([(4, 8)], [mask], like=torch.zeros(1))
    torch.testing.assert_close(made.valid[:, 0], torch.tensor([[1.0, 1.0], [0.25, 0.75]]))
    assert made.padding is not None
    assert torch.equal(made.padding, mask.flatten(1))
