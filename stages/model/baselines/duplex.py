"""Language-bridged duplex transfer: an image stream and a temporal stream tell each other in words.

After Ding et al., "Language-Bridged Spatial-Temporal Interaction for Referring Video Object
Segmentation", CVPR 2022. With words w, source cells s at places e, target cells t, and
read(x; q, k, v) = norm(x + attention(q, k, v)):

    w'  = read(w; w, w, w)               words among themselves
    w'' = read(w'; w', s + e, s + e)     words ask the source stream
    t'  = read(t; t, w'', w'')           target cells ask the words
    t'' = norm(t' + feed-forward(t'))

One layer does so from the image to time and from time to the image, by the same weights and from
what both streams held before it. Words start anew in every layer.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.baselines.blocks import Reading, Thinking
from stages.model.fusion import ProjectedWords
from stages.model.layers import Stack

Streams = tuple[Tensor, Tensor]  # image, time


class TransferLayer(nn.Module):
    """One exchange in both directions."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.words, self.ask, self.tell = (
            Reading(width=width, heads=heads, dropout=dropout) for _ in range(3)
        )
        self.think = Thinking(width=width, inner=width, dropout=dropout)

    def forward(
        self, streams: Streams, places: Tensor, words: ProjectedWords, padding: Tensor | None
    ) -> Streams:
        """Cells [N, h*w, C] of both streams; places [N or 1, h*w, C], padding [N, h*w]."""
        image, time = streams
        return (
            self.transfer(time, image, places, words, padding),
            self.transfer(image, time, places, words, padding),
        )

    def transfer(
        self,
        source: Tensor,
        target: Tensor,
        places: Tensor,
        words: ProjectedWords,
        padding: Tensor | None,
    ) -> Tensor:
        """The target stream with what the words brought from the source stream."""
        told = self.words(words.values, words.keys, words.keys, words.values, words.padding)
        placed = source + places
        told = self.ask(told, told, placed, placed, padding)
        return self.think(self.tell(target, target, told, told, words.padding))


class DuplexTransfer(nn.Module):
    """The layers of one stride, beside what enters: relu(x + layers(x))."""

    def __init__(self, *, layers: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = Stack(
            TransferLayer(width=width, heads=heads, dropout=dropout) for _ in range(layers)
        )

    def forward(
        self, streams: Streams, places: Tensor, words: ProjectedWords, padding: Tensor | None
    ) -> Streams:
        """As a layer."""
        told = streams
        for layer in self.layers:
            told = layer(told, places, words, padding)
        image, time = (F.relu(before + after) for before, after in zip(streams, told, strict=True))
        return image, time
