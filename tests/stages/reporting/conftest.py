"""A run folder with everything in it, on a dataset of two small videos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.predictions import EpisodeInfo, EpisodeKey, EpisodePrediction, PredictionWriter
from stages.score import score

HEIGHT, WIDTH = 30, 50
FRAMES = ("00000", "00001", "00002")
SENTENCE = 'the <b>big</b> dog & "its" shadow'


def mask(video: int, frame: int) -> np.ndarray:
    ids = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    ids[8:20, 6 + 4 * video + frame : 24 + 4 * video + frame] = 1
    return ids


@pytest.fixture(scope="session")
def dataset_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    videos, expressions = {}, {}
    for number in range(4):
        name = f"v{number}"
        for frame, frame_name in enumerate(FRAMES):
            ids = mask(number, frame)
            for folder, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png")):
                path = root / "train" / folder / name / (frame_name + suffix)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(ids * 150 if suffix == ".jpg" else ids).save(path)
        videos[name] = {"objects": {"1": {"category": "dog", "frames": list(FRAMES)}}}
        sentence = {"exp": SENTENCE, "obj_id": "1"}
        expressions[name] = {"frames": list(FRAMES), "expressions": {"0": sentence}}
    (root / "train" / "meta.json").write_text(json.dumps({"videos": videos}))
    path = root / "meta_expressions" / "train" / "meta_expressions.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"videos": expressions}))
    return root


@pytest.fixture
def run(dataset_root: Path, tmp_path: Path) -> Path:
    """Scored, with v1 perfect, v2 a little off, v3 missed, in two seeds; v0 is the support."""
    folder = tmp_path / "runs" / "data-lite-fold1"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[model]\naffinity = "self"\n')
    lines = [
        {"step": step, "loss": 5 / step, "loss_mask": 1 / step, "steps_per_second": 2.0}
        for step in range(10, 60, 10)
    ]
    lines.append({"step": 50, "holdout_J": 0.5})
    text = "\n".join(json.dumps(line) for line in lines)
    (folder / "metrics.jsonl").write_text(text + '\n{"step": 60, "lo')
    meta = {"dataset": "data", "fold": 1, "provenance": {"command": "fsrvos evaluate --run R"}}
    predictions = evaluation_of(folder) / "predictions.h5"
    with PredictionWriter(predictions, meta) as writer:
        for condition in ("model", "wrong_support"):
            for seed in range(2):
                for episode in range(3):
                    writer.add(_prediction(condition, seed, episode))
    score(predictions=predictions, data_root=dataset_root)
    return folder


def evaluation_of(run: Path) -> Path:
    """The only evaluation in a run's folder."""
    return run / "evaluations" / "data-fold1-davis-seeds2-0a1b2c3d"


def _prediction(condition: str, seed: int, episode: int) -> EpisodePrediction:
    video = episode + 1
    masks = np.stack([mask(video, frame) == 1 for frame in range(len(FRAMES))])
    if condition != "model" or episode == 2:
        masks = np.zeros_like(masks)
    elif episode == 1:
        masks = np.roll(masks, 2 + seed, axis=2)
    info = EpisodeInfo(
        video=f"v{video}",
        expression_id="0",
        object_id=1,
        category="dog",
        text=SENTENCE,
        frames=FRAMES,
        height=HEIGHT,
        width=WIDTH,
        support_video="v0",
        support_frames=FRAMES[:2],
        support_object=1,
    )
    presence = np.ones(len(FRAMES), dtype=np.float32)
    return EpisodePrediction(EpisodeKey(condition, seed, episode), info, masks, presence)
