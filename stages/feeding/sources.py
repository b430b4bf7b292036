"""Sources of features: the cache, or the encoders themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cache import Place
from configs import Config, EncoderConfig, FeaturesConfig
from stages.caching.quantisation import dequantise_on_device
from stages.data.dataset import Dataset
from stages.data.images import image_size
from stages.data.resize import network_size
from stages.data.views import PLAIN, View, random_view
from stages.encoders import TextEncoder, load_text, load_vision
from stages.feeding.cached import CachedFeatures
from stages.runs.checkpoint import Encoders

# Random views that are offered of a clip before the plain one.
VIEWS_TRIED = 8


class NetworkSizes:
    """Network input size of each video, from its first frame's header."""

    def __init__(self, dataset: Dataset, features: FeaturesConfig) -> None:
        self._dataset, self._features = dataset, features
        self._known: dict[str, tuple[int, int]] = {}

    def __call__(self, video: str) -> tuple[int, int]:
        """(H, W) in pixels."""
        if video not in self._known:
            first = self._dataset.frame_path(video, self._dataset.videos[video].frames[0])
            height, width = image_size(first)
            self._known[video] = network_size(height, width, self._features, first)
        return self._known[video]


class CacheSource:
    """Features out of the cache. Values travel as stored and become floats on the device."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        cache_root: Place | None,
        device: str,
        user: Path | None = None,
    ) -> None:
        self._cached, self._device = CachedFeatures(config, dataset, cache_root, user), device
        self.encoders = Encoders(
            self._cached.channels,
            self._cached.text_width,
            self._cached.store.key.weights,
            self._cached.texts.key.weights,
        )
        self.size = NetworkSizes(dataset, config.features)
        self.prepare = self._cached.prepare
        self.views = self._cached.views
        self.text = self._cached.text

    def maps(self, video: str, frame_indices: Sequence[int], view: View = PLAIN) -> list[Tensor]:
        """Four levels of [T, C, h, w], float32 on the device."""
        stored = self._cached.maps(video, frame_indices, view)
        return [dequantise_on_device(level, self._device) for level in stored]


class LiveEncoders:
    """The frozen encoders of a configuration, on a device."""

    def __init__(self, encoder: EncoderConfig, device: str) -> None:
        self._device = device
        self._vision = load_vision(encoder, device)
        self.words: TextEncoder = load_text(encoder, device)
        self.present = Encoders(
            self._vision.channels, self.words.width, self._vision.digest, self.words.digest
        )

    def maps(self, frames: Sequence[NDArray[np.uint8]]) -> list[Tensor]:
        """Four levels of [T, C, h, w], float32 on the device, of T frames of one size, RGB."""
        clip = torch.from_numpy(np.stack(frames)).to(self._device)
        with torch.inference_mode():
            return [level.float() for level in self._vision(clip)]

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token states [L, W] and sentence state [W]."""
        states = self.words.encode([sentence])[0]
        return states.tokens.cpu().numpy(), states.sentence.cpu().numpy()


class LiveSource:
    """Features from the encoders, computed when asked for."""

    def __init__(self, config: Config, dataset: Dataset, device: str) -> None:
        self._dataset, self._live = dataset, LiveEncoders(config.encoder, device)
        self._texts: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self.encoders = self._live.present
        self.size = NetworkSizes(dataset, config.features)

    def prepare(self, videos: Sequence[str], augmented: bool = False) -> None:
        """Nothing to do: what is not at hand is computed."""

    def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
        """New views without end, as good as: the plain one comes last."""
        for _ in range(VIEWS_TRIED):
            yield random_view(rng)
        yield PLAIN

    def maps(self, video: str, frame_indices: Sequence[int], view: View = PLAIN) -> list[Tensor]:
        """Four levels of [T, C, h, w], float32 on the device."""
        size = self.size(video)
        frames = {i: view.frame(self._dataset.frame(video, i), size) for i in set(frame_indices)}
        return self._live.maps([frames[i] for i in frame_indices])

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token states [L, W] and sentence state [W]."""
        if sentence not in self._texts:
            self._texts[sentence] = self._live.text(sentence)
        return self._texts[sentence]


def open_source(
    config: Config,
    dataset: Dataset,
    cache_root: Place | None,
    device: str,
    from_cache: bool,
    user: Path | None = None,
) -> CacheSource | LiveSource:
    """The cache's features, or the encoders'. Raises MissingError without weights."""
    if from_cache:
        return CacheSource(config, dataset, cache_root, device, user)
    return LiveSource(config, dataset, device)
