"""Sources of features: the cache, or the encoders themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cache import Place, QuantisedMaps, quantise
from configs import Config, FeaturesConfig
from stages.data.dataset import Dataset
from stages.data.images import image_size
from stages.data.resize import network_size
from stages.data.views import PLAIN, View, random_view
from stages.encoders import load_text, load_vision
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
    """Features out of the cache."""

    def __init__(
        self, config: Config, dataset: Dataset, cache_root: Place | None, user: Path | None
    ) -> None:
        self._cached = CachedFeatures(config, dataset, cache_root, user)
        self.encoders = Encoders(
            self._cached.channels,
            self._cached.text_width,
            self._cached.store.key.weights,
            self._cached.texts.key.weights,
        )
        self.size = NetworkSizes(dataset, config.features)
        self.prepare = self._cached.prepare
        self.views = self._cached.views
        self.maps = self._cached.maps
        self.text = self._cached.text


class LiveSource:
    """Features from the encoders, computed when asked for."""

    def __init__(self, config: Config, dataset: Dataset, device: str) -> None:
        self._dataset, self._device = dataset, device
        self._vision = load_vision(config.encoder, device)
        self._text = load_text(config.encoder, device)
        self._texts: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self.encoders = Encoders(
            self._vision.channels, self._text.width, self._vision.digest, self._text.digest
        )
        self.size = NetworkSizes(dataset, config.features)

    def prepare(self, videos: Sequence[str], augmented: bool = False) -> None:
        """Nothing to do: what is not at hand is computed."""

    def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
        """New views without end, as good as: the plain one comes last."""
        for _ in range(VIEWS_TRIED):
            yield random_view(rng)
        yield PLAIN

    def maps(
        self, video: str, frame_indices: Sequence[int], view: View = PLAIN
    ) -> list[QuantisedMaps]:
        """As float32 maps [T, C, h, w] of four levels."""
        size = self.size(video)
        frames = {i: view.frame(self._dataset.frame(video, i), size) for i in set(frame_indices)}
        clip = torch.from_numpy(np.stack([frames[i] for i in frame_indices])).to(self._device)
        with torch.inference_mode():
            levels = self._vision(clip)
        return [quantise(level.float().cpu().numpy(), "fp32") for level in levels]

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token states [L, W] and sentence state [W]."""
        if sentence not in self._texts:
            states = self._text.encode([sentence])[0]
            self._texts[sentence] = (states.tokens.cpu().numpy(), states.sentence.cpu().numpy())
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
        return CacheSource(config, dataset, cache_root, user)
    return LiveSource(config, dataset, device)
