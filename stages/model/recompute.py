"""Training in less memory: layers run again for the backward pass instead of being kept."""

from __future__ import annotations

from functools import partial

from torch.utils.checkpoint import checkpoint

from stages.model.decoder import DecoderLayer
from stages.model.encoder import EncoderLayer
from stages.model.network import Network
from stages.model.pixel_decoder import PixelStage


def recompute_layers(model: Network) -> None:
    """Let the transformer's layers and the pixel decoder's stages keep only what enters them.

    They run once more in the backward pass, from the random state they first ran with, so that
    losses and gradients are the same to the bit. Chen et al., "Training deep nets with sublinear
    memory cost", 2016.
    """
    for part in model.modules():
        if isinstance(part, EncoderLayer | DecoderLayer | PixelStage):
            part.forward = partial(checkpoint, part.forward, use_reentrant=False)  # type: ignore[method-assign]
