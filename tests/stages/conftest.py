"""A dataset of moving blocks for the stages that train, evaluate and predict, with its cache.

Six classes of three videos; every second video holds twins and every third is upright, so that
batches meet two sizes. A class is a colour pattern, which the tiny encoders can tell apart.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from configs import Config, load_config
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.data.overlay import write_mask_png, write_png
from stages.encoders import load_text, load_vision
from stages.features import extract
from stages.model.networks import build_network
from stages.runs.checkpoint import Encoders, save_checkpoint
from tests.stages.ants import write_clip, write_support

BLOCKS = ("ant", "bee", "cat", "dog", "eel", "fox")
SIDES = ("left", "right")


def draw_blocks(number: int, size: tuple[int, int], when: int) -> tuple[NDArray[np.uint8], ...]:
    """A frame [H, W, 3] of class `number` and its ids [H, W]: two blocks that move apart."""
    height, width = size
    frame = np.full((height, width, 3), 90, dtype=np.uint8)
    ids = np.zeros(size, dtype=np.uint8)
    top = height // 4 + when
    for side, left in enumerate((6 + when, width - 30 - when)):
        block = np.s_[top : top + 24, left : left + 24]
        frame[block] = (40 * number, 255 - 40 * number, 200 * side)
        ids[block] = side + 1
    return frame, ids


@pytest.fixture(scope="session")
def blocks_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the dataset. Only read."""
    root = tmp_path_factory.mktemp("blocks") / "blocks"
    meta, words = {}, {}
    for number, category in enumerate(BLOCKS):
        for version in range(3):
            video, twins = f"{category}{version}", version == 1
            names = [f"{index:05d}" for index in range(6)]
            size = (96, 64) if version == 2 else (64, 96)
            for when, name in enumerate(names):
                frame, ids = draw_blocks(number, size, when)
                write_png(root / f"train/JPEGImages/{video}/{name}.png", frame)
                write_mask_png(root / f"train/Annotations/{video}/{name}.png", ids)
            other = category if twins else BLOCKS[(number + 1) % len(BLOCKS)]
            meta[video] = {"objects": {"1": {"category": category}, "2": {"category": other}}}
            asked = SIDES if twins else SIDES[:1]
            spoken = {
                str(i): {"exp": f"the {side} {category}", "obj_id": str(i + 1)}
                for i, side in enumerate(asked)
            }
            words[video] = {"expressions": spoken, "frames": names}
    (root / "train/meta.json").write_text(json.dumps({"videos": meta}))
    (root / "meta_expressions/train").mkdir(parents=True)
    path = root / "meta_expressions/train/meta_expressions.json"
    path.write_text(json.dumps({"videos": words}))
    (root / "classes.json").write_text(json.dumps(BLOCKS))
    return root


@pytest.fixture(scope="session")
def blocks(blocks_root: Path) -> Dataset:
    return load_dataset(blocks_root)


@pytest.fixture(scope="session")
def tiny() -> Config:
    """The tiny preset with every clip of three frames and two support frames."""
    short = ["data.frames=3", "data.support_frames=2", "evaluate.support_frames=2"]
    return load_config("tiny", short)


@pytest.fixture(scope="session")
def tiny_encoders(tiny: Config) -> Encoders:
    vision, text = load_vision(tiny.encoder, "cpu"), load_text(tiny.encoder, "cpu")
    return Encoders(vision.channels, text.width, vision.digest, text.digest)


@pytest.fixture(scope="session")
def blocks_cache(blocks_root: Path, tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of the whole dataset."""
    cache = tmp_path_factory.mktemp("cache")
    extract(config=tiny, data_root=blocks_root, fold=1, cache_root=cache)
    return cache


@pytest.fixture(scope="session")
def untrained_run(
    tiny: Config, tiny_encoders: Encoders, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run folder whose network has learnt nothing, for fold 1. Only read."""
    run = tmp_path_factory.mktemp("runs") / "blocks-tiny-fold1"
    torch.manual_seed(3)
    model = build_network(tiny.model, tiny_encoders.channels, tiny_encoders.text_width)
    save_checkpoint(run, model, tiny, tiny_encoders, {"fold": 1, "steps": 0})
    return run


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of an ant."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(path)
    return path


@pytest.fixture
def support(tmp_path: Path) -> Path:
    """A support folder of one."""
    write_support(tmp_path / "support")
    return tmp_path / "support"
