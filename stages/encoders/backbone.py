"""Vision encoders that transformers provides (family `paper`): ResNet-50, any backbone with a
four-level pyramid or a plain vision transformer, from a hub id, a folder or a torchvision file.
"""

import json
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from configs import DataError, UsageError
from configs.model import STRIDES
from stages.encoders.base import VisionEncoder, weights_digest
from stages.encoders.pretrained import (
    architecture,
    load_pretrained,
    missing_source,
    optional_file,
    require_complete,
)
from stages.encoders.torchvision_resnet import (
    backbone_state,
    is_torchvision_resnet,
    resnet_config,
)
from stages.encoders.vision_transformer import (
    TransformerVision,
    is_vision_transformer,
    read_transformer,
)

# The family's own: torchvision's first ResNet-50 weights, which the paper used, under its names.
PAPER_VISION = "timm/resnet50.tv_in1k"
OPTION = "encoder.vision"

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
# Norms of outputs that classification checkpoints don't hold; they start as the identity.
_OUTPUT_NORMS = "hidden_states_norms"
# What torch.load (which unpickles tensors only) and safetensors raise on a foreign file.
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    KeyError,
    UnpicklingError,
    SafetensorError,
)


class BackboneVision(VisionEncoder):
    """A transformers backbone behind this program's interface.

    backbone: a loaded backbone model that gives four maps. mean, std: per channel, for pixels
    scaled to 0..1. Raises UsageError when the maps don't lie at strides 4, 8, 16, 32.
    """

    def __init__(
        self,
        backbone: Any,
        *,
        mean: tuple[float, ...] = _IMAGENET_MEAN,
        std: tuple[float, ...] = _IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        # A ResNet's own padding gives ceil(H / stride) on every level. Patch-based families drop
        # the rest of a division, so they get whole multiples and the surplus is cut off.
        self.whole_multiples = backbone.config.model_type != "resnet"
        self._describe(
            name=_name(backbone.config),
            channels=backbone.channels,
            mean=[255 * value for value in mean],
            std=[255 * value for value in std],
        )
        self.preprocessing["padding"] = "multiple of 32" if self.whole_multiples else "even"
        self.digest = weights_digest(backbone.state_dict(), extra=architecture(backbone.config))
        self.freeze()
        self._check_strides()

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        height, width = pixels.shape[-2:]
        if self.whole_multiples:
            pixels = functional.pad(pixels, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))
        maps = self.backbone(pixel_values=pixels).feature_maps
        first, second, third, fourth = (
            level[..., : -(-height // stride), : -(-width // stride)]
            for level, stride in zip(maps, STRIDES, strict=True)
        )
        return first, second, third, fourth

    def _check_strides(self) -> None:
        side = 2 * STRIDES[-1]
        try:
            with torch.no_grad():
                maps = self.backbone(pixel_values=torch.zeros(1, 3, side, side)).feature_maps
        except (ValueError, RuntimeError) as error:  # families bound to one image size
            raise UsageError(f"{OPTION}: {self.name} doesn't take {side}x{side} pixels") from error
        found = tuple(side // level.shape[-1] for level in maps)
        if found != STRIDES:
            raise UsageError(
                f"{OPTION}: {self.name} gives maps at strides {found}; it has to be {STRIDES}"
            )


def load_backbone(source: str) -> VisionEncoder:
    """A backbone or a vision transformer from a hub id or a local folder.

    Mean and std come from `preprocessor_config.json` where there is one, else ImageNet's. Raises
    MissingError, DataError (damaged, or tensors missing) or UsageError (not a pyramid backbone).
    """
    model, statistics = load_pretrained(_from_pretrained, source, option=OPTION)
    if is_vision_transformer(model.config):
        return TransformerVision(model, **statistics)
    return BackboneVision(model, **statistics)


def holds_torchvision_names(source: str) -> bool:
    """Whether a hub id or a local folder is laid out as timm's: no transformers configuration, and
    for a ResNet torchvision's names.

    Raises as `load_pretrained`.
    """
    path = load_pretrained(partial(_file_of, name="config.json"), source, option=OPTION)
    stated = json.loads(path.read_text(encoding="utf-8"))
    return "architecture" in stated and "model_type" not in stated


def load_timm(source: str) -> BackboneVision:
    """A ResNet in torchvision's names from a hub id or a local folder in timm's layout.

    Raises MissingError (not to be had) or DataError (another network).
    """
    return load_torchvision(
        load_pretrained(partial(_file_of, name="model.safetensors"), source, option=OPTION)
    )


def load_torchvision(path: Path) -> BackboneVision:
    """A ResNet from a state dict in torchvision's names (.pth or .safetensors), never unpickled.

    Raises MissingError when the file is absent, DataError when it is not such a file.
    """
    from transformers import ResNetBackbone, ResNetConfig  # seconds to import: only when needed

    if not path.is_file():
        raise missing_source(str(path), OPTION)
    state = read_state(path)
    if not is_torchvision_resnet(state):
        raise DataError(f"{OPTION}: {path} does not hold a ResNet in torchvision's names")
    try:
        config = ResNetConfig(**resnet_config(state), out_indices=[1, 2, 3, 4])
        backbone = ResNetBackbone(config)
        converted = backbone_state(state)
        for name, counter in backbone.state_dict().items():
            if name.endswith("num_batches_tracked"):  # absent from files of before 2018
                converted.setdefault(name, counter)
        backbone.load_state_dict(converted, strict=True)
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(
            f"{OPTION}: {path} is not a plain ResNet (18 to 152 layers): {reason}"
        ) from error
    return BackboneVision(backbone)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file. Raises DataError when it isn't a readable state dict."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise DataError(
            f"{OPTION}: {path} is damaged or not a weights file; fetch it again"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f"{OPTION}: {path} is not a plain state dict (names to tensors)")
    return state


def _from_pretrained(source: str, *, local_files_only: bool) -> tuple[Any, dict[str, Any]]:
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    how: dict[str, Any] = {"local_files_only": local_files_only, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(source, **how)
    statistics = _pixel_statistics(source, local_files_only=local_files_only)
    if is_vision_transformer(config):
        return read_transformer(source, config, local_files_only=local_files_only), statistics
    if type(config) not in MODEL_FOR_BACKBONE_MAPPING or config.model_type == "timm_backbone":
        raise UsageError(f"{OPTION}: {source} ({config.model_type}) is not an image backbone")
    stages = len(config.stage_names)
    if stages < len(STRIDES):
        raise UsageError(f"{OPTION}: {source} has {stages} levels; {len(STRIDES)} are needed")
    config.out_indices = list(range(stages - len(STRIDES), stages))
    # Not AutoBackbone.from_pretrained: it asks the network even for a local folder.
    kind = MODEL_FOR_BACKBONE_MAPPING[type(config)]
    backbone, info = kind.from_pretrained(
        source,
        config=config,
        local_files_only=local_files_only,
        output_loading_info=True,
    )
    require_complete(info, source=source, option=OPTION, optional=_OUTPUT_NORMS)
    return backbone.float(), statistics  # float: half-precision files too


def _file_of(source: str, *, name: str, local_files_only: bool) -> Path:
    """A file of a model; OSError where it is not to be had."""
    from transformers.utils import cached_file

    return Path(cached_file(source, name, local_files_only=local_files_only))


def _pixel_statistics(source: str, *, local_files_only: bool) -> dict[str, Any]:
    """mean and std that the model's own preprocessor states, else ImageNet's."""
    path = optional_file(source, "preprocessor_config.json", local_files_only=local_files_only)
    stated = json.loads(path.read_text(encoding="utf-8")) if path else {}
    usual = {"mean": _IMAGENET_MEAN, "std": _IMAGENET_STD}
    return usual | {
        ours: tuple(stated[theirs])
        for ours, theirs in (("mean", "image_mean"), ("std", "image_std"))
        if len(stated.get(theirs) or ()) == 3
    }


def _name(config: Any) -> str:
    """`resnet-50` for a ResNet, else the family."""
    if config.model_type != "resnet":
        return str(config.model_type)
    convolutions = 3 if config.layer_type == "bottleneck" else 2
    return f"resnet-{convolutions * sum(config.depths) + 2}"
