"""What a network is fed where only its cost matters: random feature maps of true shapes."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from configs import Config, load_config
from stages.feeding.batches import EpisodeBatch
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.networks import build_network
from stages.training.learning import Learner

WORDS = 12  # L, a sentence with its begin and end tokens


@dataclass(frozen=True)
class Fed:
    """A configuration, the channels of its encoder's maps, and the width of its text states."""

    config: str
    channels: tuple[int, int, int, int]
    text_width: int


FED = MappingProxyType(
    {
        "official": Fed("official", (256, 512, 1024, 2048), 768),  # ResNet-50, RoBERTa-base
        "default": Fed("small", (24, 40, 112, 320), 384),  # EfficientNet-Lite0, MiniLM
        "tiny": Fed("tiny", (8, 12, 16, 20), 16),
    }
)


@dataclass(frozen=True)
class Workload:
    """A network and the batch of a training step, whose query videos have no twins.

    name: a key of FED. size: (H, W) of frames in pixels. stated: `section.key=value` pairs over
    its configuration.
    """

    name: str
    size: tuple[int, int]
    stated: tuple[str, ...] = ()

    @property
    def case(self) -> str:
        """The size as it stands in the names of figures."""
        return "{}x{}".format(*self.size)

    @property
    def told(self) -> tuple[str | int, ...]:
        """Name, size and what is stated, as what JSON can carry."""
        return (self.name, *self.size, *self.stated)

    @property
    def config(self) -> Config:
        """What the network is built and trained by."""
        return load_config(FED[self.name].config, self.stated)

    def learner(self, device: str) -> Learner:
        """An untrained network with its optimiser, ready for a step."""
        torch.manual_seed(0)
        fed, config = FED[self.name], self.config
        model = build_network(config.model, fed.channels, fed.text_width).to(device)
        return Learner(model.train(), config, torch.device(device))

    def batch(self, device: str) -> EpisodeBatch:
        """Random maps, not negative as after a ReLU; the object is a rectangle in every frame."""
        fed, config = FED[self.name], self.config
        episodes, (height, width) = config.train.videos_per_step, self.size
        generator = torch.Generator().manual_seed(0)

        def pyramid(frames: int) -> FramePyramid:
            first, second, third, fourth = (
                torch.randn(
                    *(episodes, frames, channels, -(-height // stride), -(-width // stride)),
                    generator=generator,
                ).relu_()
                for stride, channels in zip(STRIDES, fed.channels, strict=True)
            )
            return FramePyramid(
                (first, second, third, fourth), torch.tensor([self.size] * episodes)
            )

        def words() -> Words:
            tokens = torch.randn(episodes, WORDS, fed.text_width, generator=generator)
            return Words(tokens, tokens[:, 0])

        def masks(frames: int) -> Tensor:
            drawn = torch.zeros(episodes, frames, height, width, dtype=torch.bool)
            drawn[..., height // 4 : height // 2, width // 4 : width // 2] = True
            return drawn

        shots, frames = config.data.support_frames, config.data.frames
        support = Support(pyramid(shots), words(), masks(shots).float())
        return EpisodeBatch(
            query=pyramid(frames).to(device),
            words=words().to(device),
            support=support.to(device),
            targets=masks(frames).to(device),
        )
