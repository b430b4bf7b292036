"""Random maps and a store to put them in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cache import FeatureKey, FeatureStore

Maps = list[NDArray[np.float32]]
SHAPES = ((3, 12, 20), (4, 6, 10), (5, 3, 5), (6, 2, 3))


@pytest.fixture
def key() -> FeatureKey:
    return FeatureKey(encoder="e", weights="w" * 64, preprocessing={"short_side": 48, "mean": [1]})


@pytest.fixture
def store(tmp_path: Path, key: FeatureKey) -> FeatureStore:
    return FeatureStore(tmp_path / "cache", key, {"numpy": "2"})


@pytest.fixture
def make_maps() -> Callable[..., Maps]:
    """make_maps(frames, seed): four levels of post-ReLU-like maps [T, C, h, w]."""

    def make(frames: int = 3, seed: int = 0) -> Maps:
        rng = np.random.default_rng(seed)
        return [
            np.maximum(rng.normal(size=(frames, *shape)), 0).astype(np.float32) for shape in SHAPES
        ]

    return make
