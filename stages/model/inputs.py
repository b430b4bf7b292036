"""What the network reads. Frozen dataclasses, so that a stage cannot hand over half an input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDES = (4, 8, 16, 32)  # of an encoder's four maps


@dataclass(frozen=True)
class FramePyramid:
    """A clip as a frozen encoder sees it.

    Attributes:
        maps: four tensors [B, T, C, h, w], strides 4, 8, 16 and 32; C differs by level.
        size: [B, 2], height and width in pixels of each clip's frames without padding.
        padding: [B, T, H, W] bool, True on pixels added below and to the right; None where no
            clip of the batch is padded, which skips all work on masks.
    """

    maps: tuple[Tensor, Tensor, Tensor, Tensor]
    size: Tensor
    padding: Tensor | None = None

    def at(self, stride: int) -> Tensor:
        """The map [B, T, C, h, w] of a stride."""
        return self.maps[STRIDES.index(stride)]

    def padding_at(self, height: int, width: int) -> Tensor | None:
        """Padding of a map's cells, [B*T, h, w] bool: that of the pixel each cell starts at."""
        if self.padding is None:
            return None
        pixels = self.padding.flatten(0, 1)[:, None].float()
        return F.interpolate(pixels, size=(height, width))[:, 0].bool()

    def middle(self) -> FramePyramid:
        """The clip's middle frame alone."""
        return self._apply(middle_frame)

    def to(self, device: torch.device | str) -> FramePyramid:
        """The same on another device."""
        return self._apply(lambda tensor: tensor.to(device), size=self.size.to(device))

    def _apply(
        self, change: Callable[[Tensor], Tensor], size: Tensor | None = None
    ) -> FramePyramid:
        first, second, third, fourth = (change(level) for level in self.maps)
        padding = None if self.padding is None else change(self.padding)
        return FramePyramid(
            (first, second, third, fourth), self.size if size is None else size, padding
        )


@dataclass(frozen=True)
class Words:
    """A batch of sentences as a frozen text encoder sees them.

    Attributes:
        tokens: [B, L, W] token states, W the text encoder's width.
        sentence: [B, W] state of the whole sentence.
        padding: [B, L] bool, True on added tokens; None where there are none.
    """

    tokens: Tensor
    sentence: Tensor
    padding: Tensor | None = None

    def row(self, number: int) -> Words:
        """Sentence `number` as a batch of one."""
        rows = slice(number, number + 1)
        padding = None if self.padding is None else self.padding[rows]
        return Words(self.tokens[rows], self.sentence[rows], padding)

    def to(self, device: torch.device | str) -> Words:
        """The same on another device."""
        padding = None if self.padding is None else self.padding.to(device)
        return Words(self.tokens.to(device), self.sentence.to(device), padding)


@dataclass(frozen=True)
class Support:
    """Annotated frames of another video.

    Attributes:
        frames: S frames, of any size.
        words: the sentence that describes the annotated object.
        masks: [B, S, H, W] in [0, 1] at any resolution; stretched over the support's whole canvas.
    """

    frames: FramePyramid
    words: Words
    masks: Tensor

    def middle(self) -> Support:
        """The middle frame alone."""
        return Support(self.frames.middle(), self.words, middle_frame(self.masks))

    def to(self, device: torch.device | str) -> Support:
        """The same on another device."""
        return Support(self.frames.to(device), self.words.to(device), self.masks.to(device))


def middle_frame(frames: Tensor) -> Tensor:
    """Frame floor(T/2) of [B, T, ...] as [B, 1, ...]."""
    middle = frames.shape[1] // 2
    return frames[:, middle : middle + 1]
