"""A run's network with its encoders: support and sentences in, answers about windows out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs import Config
from configs.errors import DataError
from stages.data.resize import network_size, resize_frame, resize_mask
from stages.data.support import SupportSet
from stages.feeding.batches import EpisodeBatch, make_words, stack_pyramids
from stages.feeding.inference import Frame, follow_model, full_size
from stages.feeding.sharpening import sharpen
from stages.feeding.sources import LiveEncoders
from stages.model.inputs import Support, Words
from stages.model.network import Network
from stages.model.prediction import Followed
from stages.predicting.encoded_support import EncodedSupport, SeenBy, four
from stages.runs.calibration import read_calibration
from stages.runs.checkpoint import load_checkpoint, require_encoders

SURELY_ABSENT = 0.01  # presence below which a frame shows nothing, whatever the network was taught


class Segmenter:
    """A run's network with its encoders: encodes the support and the sentence once.

    config: how it is used, where otherwise than the run's own says; the network is the run's.
    """

    def __init__(self, run_dir: Path, device: str, config: Config | None = None) -> None:
        loaded = load_checkpoint(run_dir, device)
        self.config = config or loaded.config
        self.model: Network = loaded.model
        self.device = torch.device(device)
        self.encoders = LiveEncoders(self.config.encoder, device)
        require_encoders(loaded.encoders, self.encoders.present, run_dir)
        self.calibration = read_calibration(run_dir)

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

    def using(self, network: Network) -> Segmenter:
        """The same with another network in place of the run's."""
        other = copy(self)
        other.model = network
        return other

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

    def follow(
        self,
        frames: Sequence[Frame],
        maps: Sequence[Tensor],
        words: Words,
        support: Support,
        memory: object | None,
        overlap: int,
    ) -> Followed:
        """The next window of a video.

        Args:
            frames: T RGB frames of one size, and their four maps [T, C, h, w].
            memory: what the window before gave; None for the first.
            overlap: how many of its last frames the window after it sees again.
        """
        query = stack_pyramids([maps], [self.size(frames[0])])
        batch = EpisodeBatch(query=query, words=words, support=support)
        return follow_model(self.model, batch, memory, overlap, self.config.train.precision)

    def threshold(self, asked: float | None = None) -> float:
        """Presence from which a frame shows the object: what is asked for, or else the run's own,
        which without a calibration is next to nothing."""
        return max(self.calibration.threshold, SURELY_ABSENT) if asked is None else asked

    def at_frame_size(self, logits: Tensor, frame: Frame) -> NDArray[np.float32]:
        """Mask logits [N, h, w] of one frame at its own size, [N, H, W]."""
        own = (frame.shape[0], frame.shape[1])
        return full_size(logits, self.model.mask_stride, self.size(frame), own)

    def mask(self, frame: Frame, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where logits [H, W] say that the object is, along the picture's edges if asked for."""
        return sharpen(frame, logits) if self.config.evaluate.sharpen else logits > 0

    def encode(self, frames: Sequence[Frame]) -> list[Tensor]:
        """Four maps [T, C, h, w] of equally large frames."""
        size = self.size(frames[0])
        return self.encoders.maps([resize_frame(frame, size) for frame in frames])

    def size(self, frame: Frame) -> tuple[int, int]:
        """Network input size (H, W) of a frame."""
        return self.network_size(*frame.shape[:2])

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """The same of frames of that height and width."""
        return network_size(height, width, self.config.features, "the video or its support")
