"""What every frozen encoder offers, and how its weights are named by a digest.

An encoder never trains: it stays in eval mode whatever its owner does (the released code of the
paper ran its frozen text encoder with dropout), and its outputs carry no gradient. That is what
makes features cacheable.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from configs.schema import SMALLEST_SIDE
from stages.runtime.precision import own_precision

# Pixels that go through a network together on a CPU: four frames of 192x320. Twice as fast as
# sixteen, whose activations are too large for the allocator to reuse and are faulted in anew.
_CPU_PIXELS = 1 << 18

# Counters and index tables that library versions add and drop; they are not weights.
_NOT_WEIGHTS = ("num_batches_tracked", "position_ids", "token_type_ids")


@dataclass(frozen=True)
class TextStates:
    """One encoded sentence.

    tokens: float32 [L, W], the states of the real tokens (begin and end tokens included, no
    padding). sentence: float32 [W].
    """

    tokens: Tensor
    sentence: Tensor


class VisionEncoder(nn.Module, ABC):
    """uint8 RGB frames to a four-level pyramid.

    name: what the encoder is called in cache keys. channels: of the maps at strides 4, 8, 16, 32.
    digest: sha256 of the weights. preprocessing: JSON-able facts of how pixels become inputs.
    mean, std: per RGB channel, on the 0..255 scale. bf16: run the network in bfloat16.
    """

    name: str
    channels: tuple[int, int, int, int]
    digest: str
    preprocessing: dict[str, Any]
    mean: Tensor
    std: Tensor
    bf16: bool = False

    def _describe(
        self,
        *,
        name: str,
        channels: Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """Set the metadata shared by all families; mean and std are on the 0..255 scale."""
        first, second, third, fourth = channels
        self.name = name
        self.channels = (first, second, third, fourth)
        self.preprocessing = {"colour": "rgb", "range": [0, 255], "mean": [*mean], "std": [*std]}
        for key, values in (("mean", mean), ("std", std)):
            statistic = torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1)
            self.register_buffer(key, statistic, persistent=False)

    @abstractmethod
    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised pixels [N, 3, H, W] to the maps at strides 4, 8, 16, 32."""

    @torch.no_grad()
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode frames.

        frames: uint8 [N, H, W, 3], RGB, H and W at least 32. Returns four float32 maps
        [N, C, h, w], contiguous, with h = ceil(H / stride). The same batch gives the same bits;
        another batch size may change the last ones (about 1e-6 relative). An autocast or a TF32
        setting around the call changes nothing: cached and live features have to agree. Raises
        ValueError on other input.
        """
        pixels = self.normalise(frames)
        parts = [self._exact_pyramid(part) for part in pixels.split(self._frames_at_once(pixels))]
        first, second, third, fourth = (
            torch.cat(level).float().contiguous() for level in zip(*parts, strict=True)
        )
        return first, second, third, fourth

    def _exact_pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        kind = pixels.device.type
        with (
            own_precision(kind, self.bf16),
            torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False),
        ):
            return self.pyramid(pixels)

    def _frames_at_once(self, pixels: Tensor) -> int:
        """All on an accelerator; on a CPU as many as keep the working set in its caches."""
        if pixels.device.type != "cpu":
            return max(1, len(pixels))
        return max(1, _CPU_PIXELS // (pixels.shape[-2] * pixels.shape[-1]))

    def normalise(self, frames: Tensor) -> Tensor:
        """uint8 [N, H, W, 3] to float32 [N, 3, H, W], (x - mean) / std."""
        if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            shape = tuple(frames.shape)
            raise ValueError(f"frames must be uint8 [N, H, W, 3], got {frames.dtype} {shape}")
        if min(frames.shape[1:3]) < SMALLEST_SIDE:
            height, width = frames.shape[1:3]
            raise ValueError(f"frames of {width}x{height}: each side needs {SMALLEST_SIDE} pixels")
        # The permuted view of an interleaved image already is channels-last: no copy.
        pixels = frames.to(self.mean.device).permute(0, 3, 1, 2).float()
        return pixels.sub_(self.mean).div_(self.std)

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode: a frozen encoder has one behaviour."""
        return super().train(False)

    def freeze(self) -> Self:
        """Eval mode and no gradients. Returns itself."""
        self.requires_grad_(False)
        return self.eval()


class TextEncoder(ABC):
    """Sentences to token states and a sentence state.

    name: what the encoder is called in cache keys. width: W of the states. digest: sha256 of the
    tokenizer and the weights.
    """

    name: str
    width: int

    @property
    @abstractmethod
    def digest(self) -> str:
        """sha256 of the tokenizer and the weights, in hex."""

    @abstractmethod
    def encode(self, sentences: Sequence[str]) -> list[TextStates]:
        """Encode sentences, in order; the states lie on the CPU. An empty sentence is allowed.

        Raises DataError when a sentence has more tokens than the encoder can take.
        """

    def unknown_words(self, sentence: str) -> tuple[str, ...]:
        """Words that the encoder cannot tell from other words, in order and once each."""
        return ()


def weights_digest(state: Mapping[str, Tensor], *, extra: bytes = b"") -> str:
    """sha256 in hex over (name, shape, dtype, bytes) of every tensor, in order of name.

    `extra` joins the hash: a tokenizer's file, or architecture facts that weights don't show.
    """
    total = hashlib.sha256()
    for name in sorted(state):
        if name.rpartition(".")[2] in _NOT_WEIGHTS:
            continue
        tensor = state[name].detach().cpu().contiguous()
        kind = str(tensor.dtype).removeprefix("torch.")
        total.update(f"{name}|{tuple(tensor.shape)}|{kind}|".encode())
        if tensor.numel():
            total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    total.update(hashlib.sha256(extra).digest())
    return total.hexdigest()
