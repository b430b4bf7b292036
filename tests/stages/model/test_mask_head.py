"""Dynamic masks against the plain way: features and coordinates tiled for every query."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.mask_head import MaskHead


def tiled(head: MaskHead, states: Tensor, centres: Tensor, features: Tensor) -> Tensor:
    """Each query's own convolutions over [features, centre - pixel]."""
    frames, queries = states.shape[:2]
    height, width = features.shape[1:3]
    parameters = head.controller(states)
    masks = torch.empty(frames, queries, height, width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    half = head.stride // 2
    for frame in range(frames):
        for query in range(queries):
            cx, cy = centres[frame, query]
            relative = torch.stack((cx - (x * head.stride + half), cy - (y * head.stride + half)))
            drawn = torch.cat((features[frame].permute(2, 0, 1), relative))[None]
            own = parameters[frame, query]
            count = len(head.widths) - 1
            sizes = [head.widths[i] * head.widths[i + 1] for i in range(count)]
            weights = own[: sum(sizes)].split(sizes)
            biases = own[sum(sizes) :].split(list(head.widths[1:]))
            for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                kernel = weight.view(head.widths[index + 1], head.widths[index], 1, 1)
                drawn = F.conv2d(drawn, kernel, bias)
                drawn = F.relu(drawn) if index < count - 1 else drawn
            masks[frame, query] = drawn[0, 0]
    return masks


@pytest.mark.parametrize(("layers", "stride"), [(3, 4), (2, 8)])
def test_closed_form_equals_tiling(layers: int, stride: int) -> None:
    torch.manual_seed(0)
    head = MaskHead(width=12, mask_dim=6, layers=layers, channels=5, stride=stride)
    states, features = torch.randn(2, 3, 12), torch.randn(2, 7, 9, 6)
    centres = torch.rand(2, 3, 2) * 60
    with torch.no_grad():
        found = head(states, centres, features)
        expected = tiled(head, states, centres, features)
    assert found.shape == (2, 3, 7, 9)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_controller_writes_2153_numbers_in_the_official_sizes() -> None:
    head = MaskHead(width=256, mask_dim=256, layers=3, channels=8, stride=4)
    assert sum(head.sizes) == 2153


def test_far_pixels_keep_their_place_under_autocast() -> None:
    """Pixel 637 has no exact bfloat16, so the distance is computed in float32."""
    head = MaskHead(width=8, mask_dim=4, layers=3, channels=4, stride=4)
    features = torch.zeros(1, 1, 160, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pixels = head.pixels(features)
    assert pixels[1, -1] == 159 * 4 + 2
