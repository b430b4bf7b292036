"""A small dataset of noise frames and the tiny encoders."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs import Config, load_config
from stages.features import FeaturesReport, extract

CATEGORIES = ("ant", "bee", "cat", "dog")
VIDEOS = 8
FRAMES = 3


def write_dataset(root: Path, videos: int = VIDEOS, frames: int = FRAMES) -> None:
    """Videos of noise, two sizes, one object and one sentence each."""
    rng = np.random.default_rng(0)
    meta, words = {}, {}
    for number in range(videos):
        video, category = f"v{number}", CATEGORIES[number % 4]
        names = [f"{index:05d}" for index in range(frames)]
        size = (64, 96) if number % 3 else (96, 64)
        for kind in ("JPEGImages", "Annotations"):
            (root / "train" / kind / video).mkdir(parents=True)
        for name in names:
            noise = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / "train/JPEGImages" / video / f"{name}.jpg")
            mask = Image.fromarray(np.eye(*size, dtype=np.uint8)).convert("P")
            mask.save(root / "train/Annotations" / video / f"{name}.png")
        meta[video] = {"objects": {"1": {"category": category, "frames": names}}}
        spoken = {"0": {"exp": f"a {category} number {number}", "obj_id": "1"}}
        words[video] = {"expressions": spoken, "frames": names}
    (root / "train/meta.json").write_text(json.dumps({"videos": meta}))
    (root / "meta_expressions/train").mkdir(parents=True)
    path = root / "meta_expressions/train/meta_expressions.json"
    path.write_text(json.dumps({"videos": words}))
    (root / "classes.json").write_text(json.dumps(CATEGORIES))


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_dataset(root)
    return root


@pytest.fixture
def data(shared_data: Path, tmp_path: Path) -> Path:
    """A dataset of its own for each test."""
    return Path(shutil.copytree(shared_data, tmp_path / "data"))


@pytest.fixture
def config() -> Config:
    return load_config("tiny", [])


def quiet(iterable: object, **_: object) -> object:
    return iterable


@pytest.fixture
def fill(data: Path, config: Config, tmp_path: Path) -> Callable[..., FeaturesReport]:
    """fill("features.short_side=96", fold=1, plan=True, ...): run `extract` on the dataset."""

    def run(*pairs: str, fold: int = 1, split: str = "all", **options: object) -> FeaturesReport:
        changed = load_config("tiny", pairs) if pairs else config
        return extract(
            config=changed,
            data_root=data,
            fold=fold,
            split=split,
            cache_root=tmp_path / "cache",
            progress=quiet,  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        )

    return run
