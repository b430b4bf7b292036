"""The sample dataset on disk: layout, palette masks, the same bytes for a seed."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cache.whole import temporary_name
from configs.errors import UsageError
from stages.data.sample import CATEGORIES, render_sample
from stages.data.sample.writer import davis_palette
from tests.full_disk import refusal

KINDS = ("fish", "cat")


def digests(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "set"
    seen: list[tuple[int, int]] = []
    render_sample(
        out, 3, seed=5, jobs=1, categories=KINDS, progress=lambda a, b: seen.append((a, b))
    )
    assert seen == [(k, 6) for k in range(1, 7)]
    return out


def test_same_seed_same_bytes_whatever_the_jobs(sample: Path, tmp_path: Path) -> None:
    render_sample(tmp_path / "again", 3, seed=5, jobs=2, categories=KINDS)
    assert digests(tmp_path / "again") == digests(sample)


def test_another_seed_gives_other_pictures(sample: Path, tmp_path: Path) -> None:
    render_sample(tmp_path / "other", 1, seed=6, jobs=1, categories=("fish",))
    name = Path("train/JPEGImages/fish_0000/00000.jpg")
    assert (tmp_path / "other" / name).read_bytes() != (sample / name).read_bytes()


def test_more_videos_leave_the_earlier_ones_alone(sample: Path, tmp_path: Path) -> None:
    render_sample(tmp_path / "fewer", 1, seed=5, jobs=1, categories=("cat",))
    few, many = digests(tmp_path / "fewer"), digests(sample)
    videos = {k: v for k, v in few.items() if k.endswith((".jpg", ".png")) and "train" in k}
    assert len(videos) == 16
    assert videos.items() <= many.items()


def test_layout_and_json(sample: Path) -> None:
    meta = json.loads((sample / "train/meta.json").read_text())["videos"]
    spoken = json.loads((sample / "meta_expressions/train/meta_expressions.json").read_text())
    assert list(meta) == list(spoken["videos"]) == [f"{c}_{i:04d}" for c in KINDS for i in range(3)]
    assert json.loads((sample / "classes.json").read_text()) == list(KINDS)
    assert json.loads((sample / "sample.json").read_text())["seed"] == 5
    assert json.loads((sample / "dataset.json").read_text()) == {"kind": "sample"}
    for name, video in meta.items():
        frames = spoken["videos"][name]["frames"]
        assert frames == [f"{t:05d}" for t in range(8)]
        ids = [np.array(Image.open(sample / f"train/Annotations/{name}/{f}.png")) for f in frames]
        for number, entry in video["objects"].items():
            shown = [f for f, m in zip(frames, ids, strict=True) if (m == int(number)).any()]
            assert entry["frames"] == shown
        assert set(np.unique(ids)) == {0, *map(int, video["objects"])}
        expressions = spoken["videos"][name]["expressions"]
        assert list(expressions) == [str(k) for k in range(len(expressions))]
        last = expressions[str(len(expressions) - 1)]["obj_id"]
        assert name.startswith(video["objects"][last]["category"])


def test_masks_are_palette_pngs_beside_frames_of_their_size(sample: Path) -> None:
    with (
        Image.open(sample / "train/Annotations/fish_0001/00003.png") as mask,
        Image.open(sample / "train/JPEGImages/fish_0001/00003.jpg") as frame,
    ):
        assert mask.mode == "P"
        assert mask.size == frame.size == (320, 192)
        palette = mask.getpalette()
    assert palette is not None
    assert palette[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]


def test_palette_is_that_of_davis() -> None:
    colours = np.array(davis_palette()).reshape(256, 3)
    assert colours[4].tolist() == [0, 0, 128]
    assert colours[8].tolist() == [64, 0, 0]
    assert colours[15].tolist() == [192, 128, 128]
    assert colours[255].tolist() == [224, 224, 192]
    assert len({tuple(c) for c in colours.tolist()}) == 256


def test_support_folders_are_ready_to_use(sample: Path) -> None:
    for category in KINDS:
        folder = sample / "support" / category
        settings = tomllib.loads((folder / "support.toml").read_text())
        assert settings["category"] == category
        assert category in settings["expression"]
        frames = sorted(p.stem for p in folder.glob("*.jpg"))
        assert frames == sorted(p.stem for p in folder.glob("*.png"))
        assert len(frames) == 5
        for name in frames:
            mask = np.array(Image.open(folder / f"{name}.png"))
            assert (mask == settings["object_id"]).sum() > 300


def test_clips_play_and_are_described(sample: Path) -> None:
    clips = sorted((sample / "videos").glob("*.mp4"))
    sentences = json.loads((sample / "videos/sentences.json").read_text())
    assert (
        {p.stem for p in clips} == set(sentences) == {f"{c}_{i:04d}" for c in KINDS for i in (0, 1)}
    )
    with av.open(str(clips[0])) as container:
        stream = container.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert len(pictures) == 22
    first = np.array(Image.open(sample / f"train/JPEGImages/{clips[0].stem}/00000.jpg"), float)
    assert np.abs(pictures[0] - first).mean() < 6
    data = clips[0].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failed_rendering_leaves_nothing(tmp_path: Path, jobs: int) -> None:
    def stop(done: int, total: int) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        render_sample(tmp_path / "set", 3, jobs=jobs, categories=("cup",), progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 500, 5_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    out = tmp_path / "set"
    said = refusal(lambda: render_sample(out, 2, jobs=1, categories=("cup",)), limit)
    assert said.startswith(f"{out}: cannot be written (No space left on device)")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_rendering_left_is_removed(tmp_path: Path) -> None:
    dead = tmp_path / temporary_name(".set").replace(f".{os.getpid()}.", ".999999999.")
    (dead / "train").mkdir(parents=True)
    other = tmp_path / temporary_name(".other").replace(f".{os.getpid()}.", ".999999999.")
    other.mkdir()
    living = tmp_path / temporary_name(".set")
    living.mkdir()
    render_sample(tmp_path / "set", 1, jobs=1, categories=("cup",))
    assert {p.name for p in tmp_path.iterdir()} == {"set", other.name, living.name}


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown categories"):
        render_sample(tmp_path / "set", 1, categories=("dragon",))
    with pytest.raises(UsageError, match="1 or more"):
        render_sample(tmp_path / "set", 0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        render_sample(tmp_path / "full", 1)
    assert (tmp_path / "full" / "kept.txt").read_text() == "mine"


def test_categories_are_ordered_by_fold() -> None:
    assert [CATEGORIES[k] for k in range(0, 16, 4)] == ["fish", "car", "umbrella", "rabbit"]
    assert [CATEGORIES[k] for k in range(3, 16, 4)] == ["snail", "bus", "cup", "guitar"]
