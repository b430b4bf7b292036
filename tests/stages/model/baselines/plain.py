"""Attention and norm written out plainly, cell by cell where that is readable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stages.model.layers import AddNorm, Attention


def softmax_read(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """softmax(q k / sqrt(d)) v of [Lq, d], [Lk, d], [Lk, e], a query at a time."""
    rows = []
    for query in queries:
        scores = torch.stack([query @ key for key in keys]) / math.sqrt(len(query))
        weights = scores.exp() / scores.exp().sum()
        rows.append(sum(weight * value for weight, value in zip(weights, values, strict=True)))
    return torch.stack(rows)  # type: ignore[arg-type]


def multi_head(attention: Attention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same with an attention module's own projections, head by head."""
    width = query.shape[-1]
    matrices = attention.projection.weight.view(3, width, width)
    biases = attention.projection.bias.view(3, width)
    q, k, v = (
        tokens @ matrix.T + bias
        for tokens, matrix, bias in zip((query, key, value), matrices, biases, strict=True)
    )
    size = width // attention.heads
    heads = [
        softmax_read(*(part[:, h * size : (h + 1) * size] for part in (q, k, v)))
        for h in range(attention.heads)
    ]
    return torch.cat(heads, dim=-1) @ attention.output.weight.T + attention.output.bias


def normed(norm: AddNorm, tokens: Tensor, update: Tensor) -> Tensor:
    total = tokens + update
    mean = total.mean(-1, keepdim=True)
    variance = (total - mean).square().mean(-1, keepdim=True)
    return (total - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias
