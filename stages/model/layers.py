"""The blocks every part is made of: attention, feed-forward, residual and norm, perceptron."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

threshold_backward = torch.ops.aten.threshold_backward

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
        dropout = self.dropout if self.training else 0.0
        gathered = attend(queries, keys, values, padding, dropout)
        return self.output(gathered.transpose(1, 2).flatten(2))


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    padding: Tensor | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """softmax(q k / sqrt(D)) v of every head, [N, M, Lq, D]; its weights are never materialised.

    Args:
        queries: [N, M, Lq, D]; keys, values: [N, M, Lk, D].
        padding: [N, Lk] bool, True on keys to ignore.
        dropout: share of the weights that are dropped.
    """
    mask = None if padding is None else ~padding[:, None, None]
    if queries.device.type != "cpu":
        return F.scaled_dot_product_attention(queries, keys, values, mask, dropout)
    # On a CPU the fused kernel is faster in float32, for a dozen keys more than twice as fast.
    wanted = queries.dtype
    with torch.autocast("cpu", enabled=False):
        if torch.bfloat16 in (queries.dtype, keys.dtype, values.dtype):
            queries, keys, values = queries.float(), keys.float(), values.float()
        gathered = F.scaled_dot_product_attention(queries, keys, values, mask, dropout)
    return gathered.to(wanted)


class FeedForward(nn.Module):
    """Two layers with a ReLU between them, applied to each token."""

    def __init__(self, *, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, width)
        self.dropout = dropout

    def forward(self, tokens: Tensor) -> Tensor:
        """[..., C] to [..., C]."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        dropout = self.dropout if self.training else 0.0
        if torch.is_autocast_enabled(tokens.device.type):  # which a function of ours bypasses
            inner = F.dropout(F.relu(self.expand(flat)), dropout)
            return self.contract(inner).view(tokens.shape)
        layers = (self.expand.weight, self.expand.bias, self.contract.weight, self.contract.bias)
        return ThinFeedForward.apply(flat, *layers, dropout).view(tokens.shape)


class ThinFeedForward(torch.autograd.Function):
    """contract(dropout(relu(expand(tokens)))) that keeps one activation at most, and no mask.

    Where that activation is positive, its entry was neither cut off nor dropped. A large one is
    not kept but made again. Both ways work on a thousand tokens at a time, so that what lies
    between the layers stays in a cache of the CPU.
    """

    CHUNK = 1024  # tokens
    KEPT = 2**25  # numbers between the layers; where there are more, they are made twice

    @staticmethod
    def forward(
        ctx: Any,
        tokens: Tensor,
        expand: Tensor,
        expand_bias: Tensor,
        contract: Tensor,
        contract_bias: Tensor,
        dropout: float,
    ) -> Tensor:
        """Tokens [K, C] to [K, C]."""
        ctx.scale, ctx.dropout = 1 / (1 - dropout), dropout
        ctx.seed = int(torch.randint(2**62, ())) if dropout > 0 else 0
        every = ThinFeedForward.inner(tokens, expand, expand_bias, dropout, ctx.seed)
        read = torch.empty_like(tokens)
        chunks = read.split(ThinFeedForward.CHUNK)
        keep = any(ctx.needs_input_grad) and len(tokens) * len(expand) <= ThinFeedForward.KEPT
        kept = []
        for inner, made in zip(every, chunks, strict=True):
            torch.addmm(contract_bias, inner, contract.t(), alpha=ctx.scale, out=made)
            if keep:
                kept.append(inner)
        ctx.save_for_backward(tokens, expand, expand_bias, contract, *kept)
        return read

    @staticmethod
    def inner(
        tokens: Tensor, expand: Tensor, bias: Tensor, dropout: float, seed: int
    ) -> Iterator[Tensor]:
        """What lies between the layers, chunk by chunk; the same again for the same seed."""
        generator = torch.Generator(tokens.device).manual_seed(seed)
        for some in tokens.split(ThinFeedForward.CHUNK):
            inner = torch.addmm(bias, some, expand.t()).relu_()
            yield inner.mul_(keep_mask(inner, dropout, generator)) if dropout > 0 else inner

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the tokens and of both layers."""
        tokens, expand, expand_bias, contract, *kept = ctx.saved_tensors
        every = kept or ThinFeedForward.inner(tokens, expand, expand_bias, ctx.dropout, ctx.seed)
        of_tokens, of_expand = torch.empty_like(tokens), torch.zeros_like(expand)
        of_expand_bias, of_contract = torch.zeros_like(expand_bias), torch.zeros_like(contract)
        back = contract * ctx.scale
        size = ThinFeedForward.CHUNK
        for inner, some, wanted, made in zip(
            every, tokens.split(size), gradient.split(size), of_tokens.split(size), strict=True
        ):
            of_contract.addmm_(wanted.t(), inner, alpha=ctx.scale)
            of_inner = threshold_backward(wanted @ back, inner, 0)  # zero where inner is
            torch.mm(of_inner, expand, out=made)
            of_expand.addmm_(of_inner.t(), some)
            of_expand_bias += of_inner.sum(0)
        return of_tokens, of_expand, of_expand_bias, of_contract, gradient.sum(0), None


class AddNorm(nn.LayerNorm):
    """Adds an update to tokens, entries of it dropped while training, and normalises the sum."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width)
        self.dropout = dropout

    def forward(self, tokens: Tensor, update: Tensor) -> Tensor:  # type: ignore[override]
        """[..., C] and [..., C] to [..., C]."""
        if self.training and self.dropout > 0:
            update = Dropout.apply(update, self.dropout)
        return super().forward(tokens + update)


class Dropout(torch.autograd.Function):
    """Dropout that keeps no mask: the backward pass draws it again."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, share: float) -> Tensor:
        """[...] to [...], entries dropped with a probability of `share`, the others scaled up."""
        ctx.share, ctx.seed = share, int(torch.randint(2**62, ()))
        return Dropout.drop(tokens, share, ctx.seed)

    @staticmethod
    def drop(tokens: Tensor, share: float, seed: int) -> Tensor:
        """The same entries for the same seed."""
        generator = torch.Generator(tokens.device).manual_seed(seed)
        return keep_mask(tokens, share, generator).mul_(1 / (1 - share)).mul_(tokens)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Gradient of the tokens."""
        return Dropout.drop(gradient, ctx.share, ctx.seed), None


def keep_mask(tokens: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """0 with a probability of `share` (to 1 in 65536), else 1, in shape and type of the tokens.

    Sixteen random bits decide an entry. Drawing them four at a time takes a third of the time
    of `bernoulli_` on a CPU, where masks were a tenth of a training step; a product with ones and
    zeros takes a quarter of the time of `masked_fill_`.
    """
    count = tokens.numel()
    bits = torch.empty((count + 3) // 4, dtype=torch.int64, device=tokens.device)
    bits.random_(-(2**63), None, generator=generator)
    dropped = min(max(round(share * 2**16), 1), 2**16 - 1)  # of the 65536 numbers
    highest = dropped - 2**15 - 1
    kept = bits.view(torch.int16)[:count].clamp_(highest, highest + 1).sub_(highest)
    return kept.to(tokens.dtype).view(tokens.shape)


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
