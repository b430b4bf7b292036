"""Sine encodings of places: of a cell in its map, of a word in its sentence, of an anchor box.

All have no parameters. A value v becomes sin and cos of v / 10000^(2i/n), interleaved.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE = 10000.0
EPSILON = 1e-6


def sine(values: Tensor, channels: int) -> Tensor:
    """Interleaved sines and cosines of values [...]: [..., channels]."""
    steps = torch.arange(0, channels, 2, device=values.device, dtype=torch.float32)
    angles = values[..., None] / TEMPERATURE ** (steps / channels)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


def encode_cells(
    height: int, width: int, channels: int, padding: Tensor | None, device: torch.device
) -> Tensor:
    """Where each cell of a map lies: [N, h, w, channels], y in the first half, x in the second.

    Cells are counted along each axis, less a half, and divided by the last count, so that a clip's
    valid part spans 0 to 2 pi whatever its padding ([N, h, w] bool). N is 1 without padding.
    """
    half = channels // 2
    if padding is None:
        y = sine(_centres(height, device), half)[:, None].expand(-1, width, -1)
        x = sine(_centres(width, device), half)[None].expand(height, -1, -1)
        return torch.cat((y, x), dim=-1)[None]
    valid = ~padding
    rows, columns = valid.cumsum(1).float(), valid.cumsum(2).float()
    y = (rows - 0.5) / (rows[:, -1:, :] + EPSILON) * math.tau
    x = (columns - 0.5) / (columns[:, :, -1:] + EPSILON) * math.tau
    return torch.cat((sine(y, half), sine(x, half)), dim=-1)


def encode_words(tokens: Tensor, padding: Tensor | None) -> Tensor:
    """Where each of the L tokens [B, L, C] lies in its sentence: [B or 1, L, C]."""
    length, channels = tokens.shape[1:]
    if padding is None:
        counts = torch.arange(1, length + 1, device=tokens.device, dtype=torch.float32)[None]
    else:
        counts = (~padding).cumsum(1).float()
    return sine(counts / (counts[:, -1:] + EPSILON) * math.tau, channels)


def encode_anchors(anchors: Tensor, channels: int) -> Tensor:
    """Boxes [..., 4] (cx, cy, w, h in [0, 1]) as [..., 4 * channels], in the order y, x, w, h."""
    return sine(anchors[..., [1, 0, 2, 3]] * math.tau, channels).flatten(-2)


def _centres(count: int, device: torch.device) -> Tensor:
    cells = torch.arange(count, device=device, dtype=torch.float32) + 0.5
    return cells / (count + EPSILON) * math.tau
