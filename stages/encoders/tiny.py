"""Encoders of random weights and a few channels (family `tiny`): for tests of the program.

Fixed seeds make them the same everywhere; neither says anything about images or language beyond
"equal pixels, equal features" and "equal words, equal states". No transformers, no files.
"""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.encoders.base import TextEncoder, TextStates, VisionEncoder, weights_digest
from stages.encoders.same_padding import SameConv2d

_CHANNELS = (8, 8, 16, 16)
_WIDTH = 16
_WORD = re.compile(r"\w+")


class TinyVision(VisionEncoder):
    """Four strided convolutions with seeded random weights."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        inputs = (3, *_CHANNELS[:-1])
        strides = (4, 2, 2, 2)
        self.convs = nn.ModuleList(
            SameConv2d(i, o, 2 * s - 1, stride=s)
            for i, o, s in zip(inputs, _CHANNELS, strides, strict=True)
        )
        generator = torch.Generator().manual_seed(seed)
        for weight in self.parameters():
            fan_in = weight[0].numel()
            # An own generator: the weights don't depend on the global seed.
            weight.data = torch.randn(weight.shape, generator=generator) * (2 / fan_in) ** 0.5
        self._describe(name="tiny", channels=_CHANNELS, mean=(127.5,) * 3, std=(64.0,) * 3)
        self.digest = weights_digest(self.state_dict())
        self.freeze()

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maps = []
        x = pixels
        for conv in self.convs:
            x = functional.relu(conv(x))
            maps.append(x)
        return maps[0], maps[1], maps[2], maps[3]


class TinyText(TextEncoder):
    """A random vector a word, drawn from the word's own hash; the sentence is their mean."""

    name = "tiny"
    width = _WIDTH

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"tiny text {self.width} 1".encode()).hexdigest()

    def encode(self, sentences: Sequence[str]) -> list[TextStates]:
        return [self._encode(sentence) for sentence in sentences]

    def _encode(self, sentence: str) -> TextStates:
        # A begin token, so that the empty sentence has a state too.
        words = ["<s>", *_WORD.findall(sentence.lower())]
        tokens = torch.stack([_word_vector(word) for word in words])
        return TextStates(tokens=tokens, sentence=functional.normalize(tokens.mean(0), dim=0))


def _word_vector(word: str) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(_WIDTH, dtype=np.float32))
