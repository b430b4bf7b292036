"""Multi-scale deformable attention: each query reads a few places of every level.

After Zhu et al., "Deformable DETR", 2021. Plain PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Layout:
    """How the cells of all levels lie in one sequence: level after level, row after row.

    Attributes:
        shapes: (h, w) of each level.
        padding: [N, cells] bool, or None.
        valid: [N or 1, levels, 2], share (x, y) of each level that is not padding, in (0, 1].
    """

    shapes: tuple[tuple[int, int], ...]
    padding: Tensor | None
    valid: Tensor

    @classmethod
    def of(
        cls, shapes: Sequence[tuple[int, int]], paddings: Sequence[Tensor | None], like: Tensor
    ) -> Layout:
        """From each level's padding [N, h, w] (all of them None, or none of them)."""
        known = [padding for padding in paddings if padding is not None]
        if not known:
            return cls(tuple(shapes), None, like.new_ones(1, len(shapes), 2, dtype=torch.float32))
        valid = [
            torch.stack(((~mask[:, 0]).float().mean(1), (~mask[:, :, 0]).float().mean(1)), -1)
            for mask in known
        ]
        flat = torch.cat([mask.flatten(1) for mask in known], dim=1)
        return cls(tuple(shapes), flat, torch.stack(valid, dim=1))

    def split(self, tokens: Tensor) -> list[Tensor]:
        """Tokens [N, cells, C] as one map [N, h, w, C] a level."""
        parts = tokens.split([height * width for height, width in self.shapes], dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]


class DeformableAttention(nn.Module):
    """Weighted sum of values at learnt offsets from a reference point or box."""

    def __init__(self, *, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, query: Tensor, references: Tensor, memory: Tensor, layout: Layout) -> Tensor:
        """What each query reads.

        Args:
            query: [N, Lq, C].
            references: [N or 1, Lq, levels, 2 or 4], (x, y) or (cx, cy, w, h) in [0, 1].
            memory: [N, cells, C].

        Returns:
            [N, Lq, C].
        """
        value = self.value(memory)
        if layout.padding is not None:
            value = value.masked_fill(layout.padding[..., None], 0.0)
        value = value.unflatten(-1, (self.heads, -1))
        per_head = (self.heads, self.levels, self.points)
        offsets = self.offsets(query).unflatten(-1, (*per_head, 2)).float()
        weights = self.weights(query).unflatten(-1, (self.heads, -1)).softmax(-1)
        locations = locate(references, offsets, layout.shapes)
        return self.output(sample(value, locations, weights.unflatten(-1, per_head[1:]), layout))


def locate(references: Tensor, offsets: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Places to read, (x, y) in [0, 1] of each level: [N, Lq, M, levels, P, 2].

    An offset counts cells from a reference point, and half the box divided by P from a box.
    """
    centres = references[:, :, None, :, None, :2]
    if references.shape[-1] == 2:
        sizes = offsets.new_tensor([(width, height) for height, width in shapes])
        return centres + offsets / sizes[:, None]
    extents = references[:, :, None, :, None, 2:]
    return centres + offsets * extents * (0.5 / offsets.shape[-2])


def sample(value: Tensor, locations: Tensor, weights: Tensor, layout: Layout) -> Tensor:
    """Bilinear reading, zero outside the map, summed over levels and points.

    Args:
        value: [N, cells, M, D].
        locations: [N, Lq, M, levels, P, 2].
        weights: [N, Lq, M, levels, P].

    Returns:
        [N, Lq, M * D].
    """
    if value.device.type == "cpu":
        return sample_in_one_gather(value, locations, weights, layout.shapes)
    return sample_by_level(value, locations, weights, layout)


def sample_by_level(value: Tensor, locations: Tensor, weights: Tensor, layout: Layout) -> Tensor:
    """`sample` with one `grid_sample` a level: many small reads at once, as a GPU likes it."""
    batch, _, heads, _ = value.shape
    grids = (2 * locations - 1).to(value.dtype).transpose(1, 2).flatten(0, 1)
    scales = weights.transpose(1, 2).flatten(0, 1)[:, None]  # [N*M, 1, Lq, levels, P]
    total: Tensor | None = None
    for level, cells in enumerate(layout.split(value.flatten(2))):
        maps = cells.unflatten(-1, (heads, -1)).permute(0, 3, 4, 1, 2).flatten(0, 1)
        read = F.grid_sample(maps, grids[:, :, level], align_corners=False)  # [N*M, D, Lq, P]
        part = (read * scales[..., level, :]).sum(-1)
        total = part if total is None else total + part
    assert total is not None  # there is at least one level
    return total.unflatten(0, (batch, heads)).flatten(1, 2).transpose(1, 2)


def sample_in_one_gather(
    value: Tensor, locations: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]
) -> Tensor:
    """`sample` as weighted sums of rows: every point of every level at once."""
    batch, cells, heads, depth = value.shape
    table = value.reshape(-1, depth).float()
    read = Reading.apply(table, locations, weights.float(), tuple(shapes), cells)
    return read.view(batch, -1, heads * depth).to(value.dtype)


class Reading(torch.autograd.Function):
    """Weighted sums of rows of a table, each row a cell of one frame and one head.

    Neither what is read nor where is kept for the backward pass: the rows and their weights are
    cheap to make again. `embedding_bag` itself would do, but for its gradient for the table, which
    takes five times as long.
    """

    @staticmethod
    def forward(
        ctx: Any,
        table: Tensor,
        locations: Tensor,
        weights: Tensor,
        shapes: tuple[tuple[int, int], ...],
        cells: int,
    ) -> Tensor:
        """Table [N * cells * M, D], locations and weights as in `sample`, to [N * Lq * M, D]."""
        ctx.save_for_backward(table, locations, weights)
        ctx.shapes, ctx.cells = shapes, cells
        read = table.new_zeros(weights.shape[:3].numel(), table.shape[1])
        for rows, shares in rows_to_read(locations, weights, shapes, cells):
            read += F.embedding_bag(rows, table, per_sample_weights=shares, mode="sum")
        return read

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the table, the locations and the weights."""
        table, locations, weights = ctx.saved_tensors
        gradient, of_table = gradient.contiguous(), torch.zeros_like(table)
        with torch.enable_grad():
            leaves = (locations.detach().requires_grad_(), weights.detach().requires_grad_())
            sums = []
            for rows, shares in rows_to_read(*leaves, ctx.shapes, ctx.cells):
                sums.append(F.embedding_bag(rows, table, per_sample_weights=shares, mode="sum"))
                of_table += give_back(gradient, rows, shares.detach(), len(table))
            of_leaves = torch.autograd.grad(sums, leaves, [gradient] * len(sums))
        return of_table, *of_leaves, None, None


def rows_to_read(
    locations: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]], cells: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of the four cells around every point: its row of the table, [N * Lq * M, levels * P]
    int32, and how much it counts."""
    batch, _, heads, levels, points, _ = locations.shape
    device = locations.device

    def spread(values: Sequence[int]) -> Tensor:
        """A value a level, for every head, level and point: [M * levels * P]. What has so many
        entries in a row goes several times as fast as what has one a level."""
        every = torch.tensor(values, device=device, dtype=torch.int32)
        return every.repeat_interleave(points).repeat(heads)

    heights, widths = (spread(sides) for sides in zip(*shapes, strict=True))
    starts = spread(list(accumulate((h * w for h, w in shapes), initial=0))[:-1])
    frames = torch.arange(batch, device=device, dtype=torch.int32)[:, None, None]
    head = torch.arange(heads, device=device, dtype=torch.int32).repeat_interleave(levels * points)
    first = (frames * cells + starts) * heads + head
    columns = neighbours(locations[..., 0].flatten(2), widths)
    for y, y_share in neighbours(locations[..., 1].flatten(2), heights):
        line, share = y * (widths * heads) + first, y_share * weights.flatten(2)
        for x, x_share in columns:
            bags = (-1, levels * points)
            yield (x * heads + line).view(bags), (x_share * share).view(bags)


def neighbours(places: Tensor, sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The two cells beside a place along one axis, and how much each counts.

    Args:
        places: [..., K] in [0, 1] of the axis.
        sizes: [K] int32, cells along it.

    Returns:
        Cells [..., K] int32 within the map, and shares of that shape, 0 for cells outside it.
    """
    along, last = places * sizes - 0.5, sizes - 1.0
    low = along.detach().floor()
    beyond = along - low
    pairs = []
    for cell, share in ((low, 1 - beyond), (low + 1, beyond)):
        inside = torch.minimum(cell.clamp(min=0), last)
        pairs.append((inside.int(), share * (inside == cell)))
    return pairs


def give_back(gradient: Tensor, rows: Tensor, shares: Tensor, count: int) -> Tensor:
    """Gradient of a table of `count` rows: for each row, the weighted sum over its readers."""
    ordered, order = torch.sort(rows.flatten(), stable=True)
    every = torch.arange(count, dtype=rows.dtype, device=rows.device)
    return F.embedding_bag(
        order.int().div_(rows.shape[1], rounding_mode="trunc"),
        gradient,
        offsets=torch.searchsorted(ordered, every, out_int32=True),
        per_sample_weights=shares.flatten()[order],
        mode="sum",
    )
