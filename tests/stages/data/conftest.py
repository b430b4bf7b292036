"""A small dataset on disk: 8 categories, 4 videos each, every second video with twins."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stages.data.dataset import Dataset
from stages.data.index import load_dataset

CATEGORIES = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"]
FRAMES = 6


def palette_png(path: Path, ids: NDArray[np.uint8]) -> None:
    """Write ids as a palette PNG whose colours are nothing like the ids."""
    image = Image.fromarray(ids)
    image.putpalette([value for i in range(256) for value in (255 - i, i, 77)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a link to the shared dataset's file
    image.save(path)


def picture(path: Path, seed: int, height: int = 24, width: int = 40) -> None:
    """A small noise image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def write_dataset(root: Path) -> None:
    """The layout the program reads, with every kind of object it must tell apart."""
    meta: dict[str, object] = {}
    words: dict[str, object] = {}
    for c, category in enumerate(CATEGORIES):
        for v in range(4):
            video = f"{category}{v}"
            other = CATEGORIES[(c + 1) % len(CATEGORIES)]
            objects = {"1": {"category": category}, "3": {"category": other}}
            spoken = {
                "0": {"exp": f"the {other}  Behind", "obj_id": "3"},
                "1": {"exp": f"a left {category}", "obj_id": "1"},
            }
            if v % 2:
                objects["2"] = {"category": category}
                spoken["2"] = {"exp": f"a right {category}", "obj_id": "2"}
            frames = [f"{5 * i:05d}" for i in range(FRAMES)]
            for i, frame in enumerate(frames):
                ids = np.zeros((24, 40), dtype=np.uint8)
                ids[2:8, 2 + i : 8 + i] = 1
                ids[10:20, 30:38] = 3
                if v % 2:
                    ids[12:18, 10 + i : 16 + i] = 2
                palette_png(root / "train" / "Annotations" / video / f"{frame}.png", ids)
                picture(root / "train" / "JPEGImages" / video / f"{frame}.jpg", 100 * c + v)
            meta[video] = {"objects": objects}
            words[video] = {"expressions": spoken, "frames": frames[::-1]}
    (root / "train" / "meta.json").write_text(json.dumps({"videos": meta}))
    folder = root / "meta_expressions" / "train"
    folder.mkdir(parents=True)
    (folder / "meta_expressions.json").write_text(json.dumps({"videos": words}))


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One dataset for all tests that only read."""
    root = tmp_path_factory.mktemp("dataset")
    write_dataset(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.*")}
    yield root
    changed = [p for p, time in before.items() if not p.exists() or p.stat().st_mtime_ns != time]
    assert not changed, "a test wrote through a link: unlink the file first"


@pytest.fixture(scope="session")
def dataset(shared_root: Path) -> Dataset:
    return load_dataset(shared_root)


@pytest.fixture
def root(shared_root: Path, tmp_path: Path) -> Path:
    """A dataset of its own for a test that breaks something.

    Its pictures are links, as copying hundreds of files a test takes longer than the tests.
    """

    def bring(source: str, target: str) -> None:
        (shutil.copy if source.endswith(".json") else os.link)(source, target)

    return shutil.copytree(shared_root, tmp_path / "ds", copy_function=bring)


def _replace_json(path: Path, keys: list[str], value: object) -> None:
    content = json.loads(path.read_text())
    spot = content
    for key in keys[:-1]:
        spot = spot[key]
    if value is ...:
        del spot[keys[-1]]
    else:
        spot[keys[-1]] = value
    path.write_text(json.dumps(content))


@pytest.fixture
def edit_meta(root: Path) -> Callable[..., None]:
    """edit_meta("videos", "ant0", ..., value): change one spot of meta.json; `...` removes it."""
    return lambda *spot: _replace_json(root / "train" / "meta.json", list(spot[:-1]), spot[-1])


@pytest.fixture
def edit_words(root: Path) -> Callable[..., None]:
    """As edit_meta, for meta_expressions.json."""
    path = root / "meta_expressions" / "train" / "meta_expressions.json"
    return lambda *spot: _replace_json(path, list(spot[:-1]), spot[-1])


@pytest.fixture(scope="session")
def paint() -> Callable[[Path, NDArray[np.uint8]], None]:
    """paint(path, ids): write a palette mask."""
    return palette_png


@pytest.fixture(scope="session")
def photograph() -> Callable[..., None]:
    """photograph(path, seed, height, width): write a noise image."""
    return picture
