"""Plain vision transformers (ViT, DINOv2, DINOv3, SigLIP, CLIP) as frozen vision encoders.

They give one map, at the stride of their patches. Each patch is made to cover one cell of stride
16, by resizing the picture, and the other strides come from that map without parameters: averaged
to 32, bilinear to 8 and 4 (a simple feature pyramid, Li et al., ViTDet, 2022, less its weights).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from configs import UsageError
from configs.model import STRIDES
from stages.encoders.base import VisionEncoder, weights_digest
from stages.encoders.pretrained import architecture, require_complete

OPTION = "encoder.vision"
PATCH_STRIDE = 16  # pixels of a frame that a patch covers
WHOLE = STRIDES[-1]  # pixels that frames are padded to a multiple of
# Model types of transformers, and the class that holds their vision part.
CLASSES = {
    "vit": "ViTModel",
    "deit": "DeiTModel",
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
    "dinov3_vit": "DINOv3ViTModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
    "clip": "CLIPVisionModel",
    "clip_vision_model": "CLIPVisionModel",
}
ASKED_TO_INTERPOLATE = ("vit", "deit", "siglip", "clip")  # positions of other picture sizes
# Heads for whole pictures, which a checkpoint may lack and the map does not need.
_POOLERS = "pooler"


class TransformerVision(VisionEncoder):
    """A vision transformer behind this program's interface.

    model: a loaded model whose last hidden states are some tokens of the whole picture, then its
    patches row by row. mean, std: per channel, for pixels scaled to 0..1.
    """

    def __init__(self, model: Any, *, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.patch = int(config.patch_size)
        family = str(config.model_type).split("_vision")[0]
        self.options = {"interpolate_pos_encoding": True} if family in ASKED_TO_INTERPOLATE else {}
        self._describe(
            name=f"{family}-{config.hidden_size}-{config.num_hidden_layers}",
            channels=(int(config.hidden_size),) * len(STRIDES),
            mean=[255 * value for value in mean],
            std=[255 * value for value in std],
        )
        self.preprocessing |= {
            "padding": f"multiple of {WHOLE}",
            "patch": f"{self.patch} pixels for {PATCH_STRIDE}",
        }
        self.digest = weights_digest(model.state_dict(), extra=architecture(config))
        self.freeze()

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All maps have the width of the model's states."""
        height, width = pixels.shape[-2:]
        pixels = functional.pad(pixels, (0, -width % WHOLE, 0, -height % WHOLE))
        rows, columns = (side // PATCH_STRIDE for side in pixels.shape[-2:])
        if self.patch != PATCH_STRIDE:
            size = (rows * self.patch, columns * self.patch)
            pixels = functional.interpolate(
                pixels, size=size, mode="bicubic", align_corners=False, antialias=True
            )
        states = self.model(pixel_values=pixels, **self.options).last_hidden_state
        patches = states[:, -rows * columns :].transpose(1, 2).unflatten(-1, (rows, columns))
        first, second, third, fourth = (
            at_stride(patches, stride)[..., : -(-height // stride), : -(-width // stride)]
            for stride in STRIDES
        )
        return first, second, third, fourth


def at_stride(patches: Tensor, stride: int) -> Tensor:
    """A map [N, C, h, w] of `PATCH_STRIDE` at another stride, its cells on the same pixels."""
    if stride >= PATCH_STRIDE:
        return functional.avg_pool2d(patches, stride // PATCH_STRIDE)
    return functional.interpolate(
        patches, scale_factor=PATCH_STRIDE // stride, mode="bilinear", align_corners=False
    )


def is_vision_transformer(config: Any) -> bool:
    """Whether a transformers configuration is of one of the families above."""
    return config.model_type in CLASSES


def read_transformer(source: str, config: Any, *, local_files_only: bool) -> Any:
    """The model of a folder or a hub id. Raises UsageError where transformers has no such family,
    DataError where tensors are missing."""
    import transformers

    name = CLASSES[config.model_type]
    if not hasattr(transformers, name):
        raise UsageError(
            f"{OPTION}: {source} is a {config.model_type}, which transformers "
            f"{transformers.__version__} does not know; update it"
        )
    model, info = getattr(transformers, name).from_pretrained(
        source, local_files_only=local_files_only, output_loading_info=True
    )
    require_complete(info, source=source, option=OPTION, optional=_POOLERS)
    return model.to(torch.float32)  # half-precision files too
