"""The blocks every part is made of: attention, feed-forward, residual and norm, perceptron."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


class Stack(nn.ModuleList, Generic[Part]):
    """A module list that says what it holds."""

    def __init__(self, parts: Iterable[Part]) -> None:
        super().__init__(parts)

    def __iter__(self) -> Iterator[Part]:
        return super().__iter__()  # type: ignore[return-value]

    @overload  # type: ignore[override]
    def __getitem__(self, index: int) -> Part: ...
    @overload
    def __getitem__(self, index: slice) -> Stack[Part]: ...
    def __getitem__(self, index: int | slice) -> Part | Stack[Part]:
        return super().__getitem__(index)  # type: ignore[return-value]


class Attention(nn.Module):
    """Multi-head attention. The weights are never materialised."""

    def __init__(self, *, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout  # on attention weights, while training
        self.projection = nn.Linear(width, 3 * width)  # rows: queries, keys, values
        self.output = nn.Linear(width, width)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None = None
    ) -> Tensor:
        """What each query gathers from the values whose keys it likes.

        Args:
            query: [N, Lq, C]; key, value: [N, Lk, C] (N may be 1 in `key`).
            padding: [N, Lk] bool, True on keys to ignore.

        Returns:
            [N, Lq, C].
        """
        weights = self.projection.weight.chunk(3)
        biases = self.projection.bias.chunk(3)
        queries, keys, values = (
            F.linear(tokens, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        attended = F.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=None if padding is None else ~padding[:, None, None],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.output(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two layers with a ReLU between them, applied to each token.

    While training, one activation is kept between the layers and one bit-mask beside it: entries
    are dropped before the ReLU, in place, and the layer after it scales by what is left.
    """

    def __init__(self, *, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, width)
        self.dropout = dropout

    def forward(self, tokens: Tensor) -> Tensor:
        """[..., C] to [..., C]."""
        inner = self.expand(tokens)
        if not self.training or self.dropout == 0:
            return self.contract(F.relu_(inner))
        inner = F.relu_(inner.masked_fill_(drop_mask(inner, self.dropout), 0))
        kept = self.contract.weight / (1 - self.dropout)
        return F.linear(inner, kept, self.contract.bias)


class AddNorm(nn.LayerNorm):
    """Adds an update to tokens, entries of it dropped while training, and normalises the sum."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width)
        self.dropout = dropout

    def forward(self, tokens: Tensor, update: Tensor) -> Tensor:  # type: ignore[override]
        """[..., C] and [..., C] to [..., C]."""
        if not self.training or self.dropout == 0:
            return super().forward(tokens + update)
        kept = update.masked_fill(drop_mask(update, self.dropout), 0)
        return super().forward(torch.add(tokens, kept, alpha=1 / (1 - self.dropout)))


def drop_mask(tokens: Tensor, share: float) -> Tensor:
    """True with a probability of `share` (to 1 in 65536), in the shape of the tokens.

    Sixteen random bits decide an entry. Drawing them four at a time takes a third of the time
    of `bernoulli_` on a CPU, where masks were a tenth of a training step.
    """
    count = tokens.numel()
    bits = torch.empty((count + 3) // 4, dtype=torch.int64, device=tokens.device)
    threshold = round(share * 2**16) - 2**15
    return bits.random_(-(2**63), None).view(torch.int16)[:count].view(tokens.shape) < threshold


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        pairs = zip(widths[:-1], widths[1:], strict=True)
        self.layers = Stack(nn.Linear(source, target) for source, target in pairs)

    def forward(self, tokens: Tensor) -> Tensor:
        """[..., first width] to [..., last width]."""
        for layer in self.layers[:-1]:
            tokens = F.relu(layer(tokens))
        return self.layers[-1](tokens)


def convolve(convolution: nn.Module, cells: Tensor) -> Tensor:
    """Apply a convolution to cells [N, h, w, C] kept channels-last: [N, h', w', C']."""
    return convolution(cells.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
