"""Quantised maps on a torch device: made there before the copy, undone there after it.

The same arithmetic as cache.quantise, so the bytes are equal; on a GPU a quarter of the bytes
cross the bus, or less where values are packed.
"""

import numpy as np
import torch
from torch import Tensor

from cache import QuantisedMaps, quantise
from cache.packing import pack, packed_size, unpack
from cache.quantise import Packed
from cache.stored_types import stored_type
from configs import DataError

# Floats that a CPU makes at a time: they stay in a core's cache from the first step to the last,
# where whole maps would pass through memory three times.
BLOCK_BYTES = 1 << 20


def quantise_on_device(maps: Tensor, name: str, level: int = 0) -> QuantisedMaps:
    """float maps [T, C, h, w] of a pyramid level (0 to 3) on any device to quantised numpy maps.

    Raises DataError when the maps hold NaN or infinity.
    """
    kind = stored_type(name)
    if not kind.scaled:
        try:
            return quantise(maps.float().cpu().contiguous().numpy(), name, level)
        except ValueError as error:
            raise DataError(f"the encoder's output cannot be stored: {error}") from error
    bits = kind.bits[level]
    greatest = 2**bits - 1
    floats = maps.float()
    least = floats.amin(dim=(2, 3))
    scale = (floats.amax(dim=(2, 3)) - least) / greatest
    if not bool(torch.isfinite(scale).all()):
        raise DataError("the encoder's output cannot be stored: it holds NaN or infinity")
    divisor = torch.where(scale > 0, scale, torch.ones_like(scale))
    steps = floats - least[:, :, None, None]
    steps = steps.div_(divisor[:, :, None, None]).round_().clamp_(0, greatest)
    levels = steps.to(torch.uint8).contiguous()
    if not kind.packed(level):
        return QuantisedMaps(_numpy(levels), _numpy(scale), _numpy(least))
    height, width = levels.shape[2:]
    packed = levels.new_zeros((*levels.shape[:2], packed_size(height * width, bits)))
    pack(levels.flatten(2), bits, packed)
    return QuantisedMaps(_numpy(packed), _numpy(scale), _numpy(least), Packed(bits, height, width))


def dequantise_on_device(maps: QuantisedMaps, device: torch.device | str) -> Tensor:
    """Quantised numpy maps to float32 [T, C, h, w] on a device: bytes are copied, not floats."""
    values = torch.from_numpy(maps.values).to(device)
    if maps.packed is not None:
        flat = values.new_zeros((*values.shape[:2], maps.packed.height * maps.packed.width))
        unpack(values, maps.packed.bits, flat)
        values = flat.view(maps.shape)
    if maps.scale is None or maps.offset is None:
        return values.float()
    frames, channels, height, width = maps.shape
    floats = torch.empty((frames * channels, height * width), device=values.device)
    on_cpu = values.device.type == "cpu"
    count = max(1, BLOCK_BYTES // (4 * height * width) if on_cpu else len(floats))
    scale = torch.from_numpy(maps.scale).to(device).reshape(-1, 1)
    offset = torch.from_numpy(maps.offset).to(device).reshape(-1, 1)
    parts = (part.split(count) for part in (floats, values.reshape(floats.shape), scale, offset))
    for block, levels, scales, offsets in zip(*parts, strict=True):
        block.copy_(levels).mul_(scales).add_(offsets)
    return floats.view(maps.shape)


def _numpy(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.cpu().numpy())
