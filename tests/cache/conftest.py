"""Random maps and a store to put them in."""

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cache import FeatureKey, FeatureStore, Place, TextKey, TextStore, place_of

Maps = list[NDArray[np.float32]]
SHAPES = ((3, 12, 20), (4, 6, 10), (5, 3, 5), (6, 2, 3))


@pytest.fixture
def key() -> FeatureKey:
    return FeatureKey(encoder="e", weights="w" * 64, preprocessing={"short_side": 48, "mean": [1]})


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A cache on a disk, or of the kind that a test names: "memory", "s3"."""
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    kind = getattr(request, "param", "disk")
    if kind == "disk":
        return tmp_path / "cache"
    return place_of(
        request.getfixturevalue("s3") if kind == "s3" else f"memory://{uuid.uuid4().hex}/prefix"
    )


@pytest.fixture
def store(root: Place, key: FeatureKey) -> FeatureStore:
    return FeatureStore(root, key, {"numpy": "2"})


@pytest.fixture
def text(root: Place) -> TextStore:
    return TextStore(root, TextKey(encoder="t", weights="0" * 64, width=4))


@pytest.fixture
def make_maps() -> Callable[..., Maps]:
    """make_maps(frames, seed): four levels of post-ReLU-like maps [T, C, h, w]."""

    def make(frames: int = 3, seed: int = 0) -> Maps:
        rng = np.random.default_rng(seed)
        return [
            np.maximum(rng.normal(size=(frames, *shape)), 0).astype(np.float32) for shape in SHAPES
        ]

    return make
