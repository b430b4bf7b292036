"""Quantised maps on a torch device: made there before the copy, undone there after it.

The same arithmetic as cache.quantise, so the bytes are equal; on a GPU a quarter of the bytes
cross the bus.
"""

import numpy as np
import torch
from torch import Tensor

from cache import QuantisedMaps, quantise
from cache.quantise import LEVELS, SCALED
from configs import DataError


def quantise_on_device(maps: Tensor, scheme: str) -> QuantisedMaps:
    """float maps [T, C, h, w] on any device to quantised numpy maps.

    Raises DataError when the maps hold NaN or infinity.
    """
    if scheme not in SCALED:
        try:
            return quantise(maps.float().cpu().contiguous().numpy(), scheme)
        except ValueError as error:
            raise DataError(f"the encoder's output cannot be stored: {error}") from error
    floats = maps.float()
    least = floats.amin(dim=(2, 3))
    scale = (floats.amax(dim=(2, 3)) - least) / LEVELS
    if not bool(torch.isfinite(scale).all()):
        raise DataError("the encoder's output cannot be stored: it holds NaN or infinity")
    divisor = torch.where(scale > 0, scale, torch.ones_like(scale))
    steps = floats - least[:, :, None, None]
    steps = steps.div_(divisor[:, :, None, None]).round_().clamp_(0, LEVELS)
    values = steps.to(torch.uint8).cpu().contiguous().numpy()
    return QuantisedMaps(values, _numpy(scale), _numpy(least))


def dequantise_on_device(maps: QuantisedMaps, device: torch.device | str) -> Tensor:
    """Quantised numpy maps to float32 [T, C, h, w] on a device: bytes are copied, not floats."""
    values = torch.from_numpy(maps.values).to(device)
    if maps.scale is None or maps.offset is None:
        return values.float()
    scale = torch.from_numpy(maps.scale).to(device)
    offset = torch.from_numpy(maps.offset).to(device)
    # Bytes times float32 gives float32 in one pass over memory.
    return (values * scale[:, :, None, None]).add_(offset[:, :, None, None])


def _numpy(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.cpu().numpy())
