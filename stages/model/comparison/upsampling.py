"""A mask at stride 8 brought to stride 4 along the edges of the finest map.

Joint bilateral upsampling (Kopf et al., 2007): a fine cell takes the logits of the 3x3 coarse cells
around it, weighted by how alike their frozen features are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FINE, COARSE = 4, 8  # strides
SHARPNESS = 10.0  # of the weights, a unit of cosine


def upsample(logits: Tensor, finest: Tensor) -> Tensor:
    """Logits [T, h', w'] at stride 8 along the edges of maps [T, C, h, w] at stride 4."""
    with torch.no_grad():
        weights = torch.softmax(SHARPNESS * coarse_likeness(centred(finest.float())), dim=1)
    size = (finest.shape[-2], finest.shape[-1])
    return (weights * on_fine_grid(neighbours(logits[:, None]), size)[:, 0]).sum(1)


def centred(maps: Tensor) -> Tensor:
    """Maps [T, C, h, w] as unit directions around the clip's mean."""
    cells = F.normalize(maps, dim=1)
    return F.normalize(cells - cells.mean((0, 2, 3), keepdim=True), dim=1)


def coarse_likeness(guide: Tensor) -> Tensor:
    """Cosine of each fine cell to the 3x3 coarse cells around it, [T, 9, h, w]."""
    coarse = F.normalize(F.avg_pool2d(guide, 2, ceil_mode=True), dim=1)
    size = (guide.shape[-2], guide.shape[-1])
    return (guide[:, :, None] * on_fine_grid(neighbours(coarse), size)).sum(1)


def neighbours(maps: Tensor) -> Tensor:
    """The 3x3 cells around each of [T, C, h, w]: [T, C, 9, h, w], the border's repeated."""
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    height, width = maps.shape[-2:]
    shifts = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.stack(shifts, dim=2)


def on_fine_grid(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Each of [T, C, 9, h', w'] repeated over the fine cells that lie in it, [T, C, 9, h, w]."""
    repeated = maps.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)
    return repeated[..., : size[0], : size[1]]
