"""What the losses compare a prediction with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Targets:
    """The true masks of N described objects a clip (the paper has one).

    Attributes:
        masks: [B, N, T, h, w] in {0, 1} on the grid of the predicted masks, float.
        boxes: [B, N, T, 4], cx, cy, w, h in [0, 1] of the frame without padding; zero if absent.
        visible: [B, N, T] bool, whether the frame shows the object.
        share: of the clips' cells that `masks` holds, below 1 where some were drawn; the 1 that
            smooths a dice over all cells is this much over those.
    """

    masks: Tensor
    boxes: Tensor
    visible: Tensor
    share: float = 1.0

    @classmethod
    def of(cls, masks: Tensor, size: Tensor, grid: tuple[int, int], stride: int) -> Targets:
        """From full-size masks.

        Args:
            masks: [B, T, H, W] of one object a clip, or [B, N, T, H, W]; bool or 0 and 1.
            size: [B, 2], height and width in pixels of each clip's frames without padding.
            grid: (h, w) of the predicted masks.
            stride: pixels between their cells.
        """
        masks = (masks[:, None] if masks.dim() == 4 else masks).bool()
        boxes = boxes_of(masks) / size.to(masks.device).flip(1).repeat(1, 2)[:, None, None]
        height, width = (cells * stride for cells in grid)
        padded = F.pad(
            masks, (0, max(0, width - masks.shape[-1]), 0, max(0, height - masks.shape[-2]))
        )
        start = stride // 2  # the pixel in the middle of each cell
        cells = padded[..., start:height:stride, start:width:stride].float()
        return cls(cells, boxes, masks.flatten(-2).any(-1))


def boxes_of(masks: Tensor) -> Tensor:
    """Tight boxes of masks [..., H, W] bool: [..., 4], cx, cy, w, h in pixels.

    Bounds are the first and last pixel that are on, so one pixel has width 0. Zeros if none is.
    """
    edges = []
    for line in (masks.any(-2), masks.any(-1)):  # columns, rows
        places = torch.arange(line.shape[-1], device=masks.device)
        first = torch.where(line, places, line.shape[-1]).amin(-1)
        last = torch.where(line, places, -1).amax(-1)
        edges.append((first.float(), last.float()))
    (left, right), (top, bottom) = edges
    boxes = torch.stack(
        ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), dim=-1
    )
    return boxes * masks.flatten(-2).any(-1)[..., None]
