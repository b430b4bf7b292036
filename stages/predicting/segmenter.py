"""A run's network with its encoders: support and sentences in, answers about windows out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from configs.errors import DataError
from stages.data.resize import network_size, resize_frame, resize_mask
from stages.data.support import SupportSet
from stages.feeding.batches import EpisodeBatch, make_words, stack_pyramids
from stages.feeding.inference import Answer, Frame, answers, run_model
from stages.feeding.sources import LiveEncoders
from stages.model.inputs import FramePyramid, Support, Words
from stages.runs.checkpoint import load_checkpoint, require_encoders


class Segmenter:
    """A run's network with its encoders: encodes the support and the sentence once."""

    def __init__(self, run_dir: Path, device: str) -> None:
        loaded = load_checkpoint(run_dir, device)
        self.config, self.model = loaded.config, loaded.model
        self.device = torch.device(device)
        self.encoders = LiveEncoders(self.config.encoder, device)
        require_encoders(loaded.encoders, self.encoders.present, run_dir)

    def support(self, shown: SupportSet) -> Support:
        """Maps, words and masks of the annotated frames; S frames of any sizes on one canvas."""
        sizes = [self.size(frame) for frame in shown.frames]
        pyramids = [self.encode([frame]) for frame in shown.frames]
        stacked = stack_pyramids(pyramids, sizes)
        height, width = (int(side) for side in stacked.size.amax(0))
        if stacked.padding is not None:
            height, width = stacked.padding.shape[-2:]
        masks = torch.zeros(1, len(sizes), height, width)
        for row, (mask, size) in enumerate(zip(shown.masks, sizes, strict=True)):
            small = resize_mask(mask.astype(np.uint8), size)
            if not small.any():
                raise DataError(
                    f"the support's object in {shown.names[row]} is smaller than a pixel of the "
                    f"{size[1]} x {size[0]} that the network sees; mark it in a frame nearer to it"
                )
            masks[0, row, : size[0], : size[1]] = torch.from_numpy(small)
        return Support(as_clip(stacked), self.words(shown.expression), masks.to(self.device))

    def words(self, sentence: str) -> Words:
        """The sentence's states."""
        return make_words([self.encoders.text(sentence)], self.device)

    def segment(self, frames: Sequence[Frame], words: Words, support: Support) -> Answer:
        """One window's answer at the frames' own size."""
        query = stack_pyramids([self.encode(frames)], [self.size(frames[0])])
        batch = EpisodeBatch(query=query, words=words, support=support)
        said = run_model(self.model, batch, self.config.train.precision)
        own = (frames[0].shape[0], frames[0].shape[1])
        pictures = [frames] if self.config.evaluate.sharpen else None
        return answers(said, query, self.model.mask_stride, [own], pictures)[0]

    def encode(self, frames: Sequence[Frame]) -> list[Tensor]:
        """Four maps [T, C, h, w] of equally large frames."""
        size = self.size(frames[0])
        return self.encoders.maps([resize_frame(frame, size) for frame in frames])

    def size(self, frame: Frame) -> tuple[int, int]:
        """Network input size (H, W) of a frame."""
        height, width = frame.shape[:2]
        return network_size(height, width, self.config.features, "the video or its support")


def as_clip(frames: FramePyramid) -> FramePyramid:
    """S clips of one frame, [S, 1, ...], as one clip of S frames, [1, S, ...]."""
    first, second, third, fourth = (level.transpose(0, 1) for level in frames.maps)
    padding = None if frames.padding is None else frames.padding.transpose(0, 1)
    return FramePyramid((first, second, third, fourth), frames.size[:1], padding)
