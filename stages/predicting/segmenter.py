"""A run's network with its encoders: support and sentences in, answers about windows out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from configs import Config
from configs.errors import DataError
from stages.data.resize import network_size, resize_frame, resize_mask
from stages.data.support import SupportSet
from stages.feeding.batches import EpisodeBatch, make_words, stack_pyramids
from stages.feeding.inference import Answer, Frame, answers, run_model
from stages.feeding.sources import LiveEncoders
from stages.model.inputs import Support, Words
from stages.predicting.encoded_support import EncodedSupport, SeenBy, four
from stages.runs.checkpoint import load_checkpoint, require_encoders


class Segmenter:
    """A run's network with its encoders: encodes the support and the sentence once.

    config: how it is used, where otherwise than the run's own says; the network is the run's.
    """

    def __init__(self, run_dir: Path, device: str, config: Config | None = None) -> None:
        loaded = load_checkpoint(run_dir, device)
        self.config, self.model = config or loaded.config, loaded.model
        self.device = torch.device(device)
        self.encoders = LiveEncoders(self.config.encoder, device)
        require_encoders(loaded.encoders, self.encoders.present, run_dir)

    def support(self, shown: SupportSet) -> Support:
        """Maps, words and masks of the annotated frames; S frames of any sizes on one canvas."""
        return self.encode_support(shown).as_input(self.words(shown.expression))

    def encode_support(self, shown: SupportSet) -> EncodedSupport:
        """The annotated frames as the encoder sees them. DataError for an object too small."""
        masks = []
        for name, frame, mask in zip(shown.names, shown.frames, shown.masks, strict=True):
            size = self.size(frame)
            small = resize_mask(mask.astype(np.uint8), size).astype(bool)
            if not small.any():
                raise DataError(
                    f"the support's object in {name} is smaller than a pixel of the "
                    f"{size[1]} x {size[0]} that the network sees; mark it in a frame nearer to it"
                )
            masks.append(small)
        return EncodedSupport(
            names=shown.names,
            maps=tuple(four(self.encode([frame])) for frame in shown.frames),
            masks=tuple(masks),
            expression=shown.expression,
            category=shown.category,
        )

    @property
    def sees(self) -> SeenBy:
        """How frames are encoded."""
        present = self.encoders.present
        return SeenBy.of(
            present.vision_digest, present.channels, self.config.encoder, self.config.features
        )

    def words(self, sentence: str) -> Words:
        """The sentence's states."""
        return make_words([self.encoders.text(sentence)], self.device)

    def segment(self, frames: Sequence[Frame], words: Words, support: Support) -> Answer:
        """One window's answer at the frames' own size."""
        query = stack_pyramids([self.encode(frames)], [self.size(frames[0])])
        batch = EpisodeBatch(query=query, words=words, support=support)
        said = run_model(self.model, batch, self.config.train.precision)
        own = (frames[0].shape[0], frames[0].shape[1])
        options = self.config.evaluate
        pictures = [frames] if options.sharpen else None
        stride, per_frame = self.model.mask_stride, options.per_frame
        return answers(said, query, stride, [own], pictures, per_frame)[0]

    def encode(self, frames: Sequence[Frame]) -> list[Tensor]:
        """Four maps [T, C, h, w] of equally large frames."""
        size = self.size(frames[0])
        return self.encoders.maps([resize_frame(frame, size) for frame in frames])

    def size(self, frame: Frame) -> tuple[int, int]:
        """Network input size (H, W) of a frame."""
        height, width = frame.shape[:2]
        return network_size(height, width, self.config.features, "the video or its support")
