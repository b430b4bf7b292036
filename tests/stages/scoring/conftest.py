"""A dataset of plain rectangles and predictions that are wrong by a known amount."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.predictions import EpisodeInfo, EpisodeKey, EpisodePrediction, PredictionWriter

HEIGHT, WIDTH = 24, 40
FRAMES = ("00000", "00005", "00010", "00015")
CATEGORIES = {"v0": "cat", "v1": "cat", "v2": "dog"}
TWIN_VIDEO = "v1"
SHORT_VIDEO = "v2"


def ids_of(video: str, frame: int) -> np.ndarray:
    """uint8 [H, W]: object 1 everywhere, object 2 (its twin) in one video."""
    ids = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    left = 4 + frame + 2 * int(video[1])
    ids[6:16, left : left + 10] = 1
    if video == TWIN_VIDEO:
        ids[6:16, 28:38] = 2
    return ids


def frames_of(video: str) -> tuple[str, ...]:
    return FRAMES[:3] if video == SHORT_VIDEO else FRAMES


@pytest.fixture(scope="session")
def dataset_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rectangles")
    videos, expressions = {}, {}
    for video, category in CATEGORIES.items():
        for frame, name in enumerate(frames_of(video)):
            for folder, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png")):
                path = root / "train" / folder / video / (name + suffix)
                path.parent.mkdir(parents=True, exist_ok=True)
                image = Image.fromarray(ids_of(video, frame))
                if suffix == ".png":
                    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
                image.save(path)
        objects = {"1": {"category": category, "frames": list(frames_of(video))}}
        if video == TWIN_VIDEO:
            objects["2"] = {"category": category, "frames": list(frames_of(video))}
        videos[video] = {"objects": objects}
        expressions[video] = {
            "frames": list(frames_of(video)),
            "expressions": {
                str(number): {"exp": f"the {category} number {obj}", "obj_id": obj}
                for number, obj in enumerate(objects)
            },
        }
    (root / "train" / "meta.json").write_text(json.dumps({"videos": videos}))
    folder = root / "meta_expressions" / "train"
    folder.mkdir(parents=True)
    (folder / "meta_expressions.json").write_text(json.dumps({"videos": expressions}))
    return root


class Rectangles:
    """The dataset's folder, its truth, and files of predictions about it."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder

    def truth(self, video: str, object_id: int = 1) -> np.ndarray:
        """bool [T, H, W]."""
        return np.stack(
            [ids_of(video, frame) == object_id for frame in range(len(frames_of(video)))]
        )

    def predict(
        self,
        key: tuple[str, int, int],
        video: str,
        masks: np.ndarray | None = None,
        object_id: int = 1,
        frames: tuple[str, ...] | None = None,
    ) -> EpisodePrediction:
        """A prediction; without masks the truth itself."""
        masks = self.truth(video, object_id) if masks is None else masks
        info = EpisodeInfo(
            video=video,
            expression_id=str(object_id - 1),
            object_id=object_id,
            category=CATEGORIES[video],
            text="a sentence",
            frames=frames or frames_of(video),
            height=masks.shape[1],
            width=masks.shape[2],
            score=0.5,
            twin=video == TWIN_VIDEO,
        )
        presence = np.linspace(0, 1, len(masks), dtype=np.float32)
        return EpisodePrediction(EpisodeKey(*key), info, masks, presence)

    def write(self, predictions: list[EpisodePrediction], **meta: object) -> Path:
        """Write a predictions file and give its path."""
        path = self.folder / "predictions.h5"
        with PredictionWriter(path, {"dataset": "rectangles", "fold": 1, **meta}) as writer:
            for item in predictions:
                writer.add(item)
        return path


@pytest.fixture
def rectangles(dataset_root: Path, tmp_path: Path) -> Rectangles:
    return Rectangles(dataset_root, tmp_path)
