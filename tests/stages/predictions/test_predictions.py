"""The predictions file: what goes in comes out, and nothing half-written stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import DataError, FsrvosError, MissingError
from stages.predictions import (
    EpisodeInfo,
    EpisodeKey,
    EpisodePrediction,
    PredictionWriter,
    list_episodes,
    read_meta,
    read_predictions,
)
from tests.full_disk import refusal


def make(
    key: tuple[str, int, int] = ("model", 0, 0), shape: tuple[int, int, int] = (3, 5, 11)
) -> EpisodePrediction:
    rng = np.random.default_rng(abs(hash((key[1:], shape))))
    frames, height, width = shape
    info = EpisodeInfo(
        video="ab/c",  # names are data here, never paths
        expression_id="0",
        object_id=2,
        category="kitten",
        text="a brown dog, “barking”",
        frames=tuple(f"{5 * index:05d}" for index in range(frames)),
        height=height,
        width=width,
        score=0.25,
        twin=True,
        support_video="s",
        support_frames=("x", "y"),
        support_object=3,
    )
    presence = rng.random(frames).astype(np.float32)
    return EpisodePrediction(EpisodeKey(*key), info, rng.random(shape) > 0.5, presence)


def write(path: Path, *predictions: EpisodePrediction) -> Path:
    with PredictionWriter(path, {"fold": 1, "versions": {"h5py": "3"}}) as writer:
        for item in predictions:
            writer.add(item)
    return path


def assert_same(a: EpisodePrediction, b: EpisodePrediction) -> None:
    assert (a.key, a.info) == (b.key, b.info)
    assert a.masks.dtype == b.masks.dtype == np.bool_
    np.testing.assert_array_equal(a.masks, b.masks)
    np.testing.assert_array_equal(a.presence, b.presence)


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 20)))
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int]
) -> None:
    path = tmp_path_factory.mktemp("file") / "predictions.h5"
    item = make(shape=shape)
    write(path, item)
    (back,) = read_predictions(path)
    assert_same(back, item)


def test_order_conditions_and_meta(tmp_path: Path) -> None:
    keys = [("untrained", 0, 1), ("model", 10, 0), ("model", 2, 7), ("model", 2, 0)]
    items = {EpisodeKey(*key): make(key) for key in keys}
    path = write(tmp_path / "predictions.h5", *items.values())
    assert read_meta(path) == {"fold": 1, "versions": {"h5py": "3"}}
    assert [(k.condition, k.seed, k.episode) for k, _ in list_episodes(path)] == [
        ("model", 2, 0),
        ("model", 2, 7),
        ("model", 10, 0),
        ("untrained", 0, 1),
    ]
    for key, info in list_episodes(path):
        assert info == items[key].info
    model = list(read_predictions(path, conditions=["model"]))
    assert [item.key.episode for item in model] == [0, 7, 0]
    wanted = EpisodeKey("model", 2, 7)
    (one,) = read_predictions(path, episodes=[(wanted, items[wanted].info)])
    assert_same(one, items[wanted])


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    """Someone with h5py alone must be able to read it."""
    item = make(("wrong_support", 4, 12), shape=(2, 6, 13))
    with h5py.File(write(tmp_path / "predictions.h5", item)) as file:
        group = file["wrong_support/seed4/00012"]
        bits = np.unpackbits(group["masks"][()], axis=-1)[..., :13].astype(bool)
        np.testing.assert_array_equal(bits, item.masks)
        assert group["masks"].shape == (2, 6, 2)
        assert group["presence"].dtype == np.float32
        info = json.loads(group.attrs["info"])
        assert (info["text"], info["frames"]) == (item.info.text, list(item.info.frames))


def test_a_long_video_fits(tmp_path: Path) -> None:
    """Ten thousand frame names are more than an old-style HDF5 attribute holds."""
    item = make(shape=(10_000, 1, 8))
    (back,) = read_predictions(write(tmp_path / "predictions.h5", item))
    assert_same(back, item)


def test_an_exception_leaves_what_was_there(tmp_path: Path) -> None:
    path = write(tmp_path / "predictions.h5", make())
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), PredictionWriter(path, {}) as writer:
        writer.add(make(("model", 1, 0)))
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.h5"]


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "predictions.h5"
    with PredictionWriter(path, {}) as writer:
        writer.add(make())
        assert not path.exists()
    assert path.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FsrvosError, match="cannot be written"):
        write(tmp_path / "file" / "predictions.h5", make())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_one_line(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "predictions.h5", make(), make(("model", 0, 1)))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="evaluate the run again") as caught:
        read_meta(path)
        list(read_predictions(path))
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_in_the_masks_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "predictions.h5", make(shape=(4, 64, 64)))
    with h5py.File(path) as file:
        chunk = file["model/seed0/00000/masks"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"/model/seed0/00000 cannot be read"):
        list(read_predictions(path))


INFO_EDITS = {
    "other shape": lambda info: info | {"width": 99},
    "no video": lambda info: {name: value for name, value in info.items() if name != "video"},
    "unknown field": lambda info: info | {"vidoe": "a"},
    "frames not a list": lambda info: info | {"frames": {"a": 1}},
    "width not a number": lambda info: info | {"width": "wide"},
    "no height": lambda info: info | {"height": 0},
    "info a list": lambda info: [info],
}


def edited(path: Path, edit: str) -> None:
    with h5py.File(path, "r+") as file:
        group = file["model/seed0/00000"]
        if edit == "no meta":
            del file.attrs["meta"]
        elif edit == "meta not JSON":
            file.attrs["meta"] = "{"
        elif edit == "meta a list":
            file.attrs["meta"] = "[]"
        elif edit == "no masks":
            del group["masks"]
        elif edit == "no info":
            del group.attrs["info"]
        elif edit == "info not JSON":
            group.attrs["info"] = "{"
        elif edit in INFO_EDITS:
            info = json.loads(group.attrs["info"])
            group.attrs["info"] = json.dumps(INFO_EDITS[edit](info))
        elif edit == "strange seed":
            file.move("model/seed0", "model/zero")
        elif edit == "strange episode":
            file.move("model/seed0/00000", "model/seed0/first")
        elif edit == "a dataset for a group":
            file["junk"] = 1


@pytest.mark.parametrize(
    "edit",
    [
        "no meta",
        "meta not JSON",
        "meta a list",
        "no masks",
        "no info",
        "info not JSON",
        *INFO_EDITS,
        "strange seed",
        "strange episode",
        "a dataset for a group",
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, edit: str) -> None:
    path = write(tmp_path / "predictions.h5", make())
    edited(path, edit)
    with pytest.raises(DataError, match=r"predictions\.h5.*evaluate the run again") as caught:
        read_meta(path)
        list(read_predictions(path))
    assert "\n" not in str(caught.value)


def test_absent_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such predictions file"):
        read_meta(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("masks")
    with pytest.raises(DataError, match="not a whole predictions file"):
        read_meta(tmp_path / "text.h5")
    with pytest.raises(DataError, match="no episode /model/seed0/00009"):
        path = write(tmp_path / "p.h5", make())
        list(read_predictions(path, episodes=[(EpisodeKey("model", 0, 9), make().info)]))


@pytest.mark.parametrize("fault", ["condition", "shape", "dtype", "presence", "no frames"])
def test_a_prediction_that_contradicts_itself_is_refused(tmp_path: Path, fault: str) -> None:
    good = make()
    bad = {
        "condition": replace(good, key=EpisodeKey("modle", 0, 0)),
        "shape": replace(good, masks=good.masks[:, :, 1:]),
        "dtype": replace(good, masks=good.masks.astype(np.uint8)),
        "presence": replace(good, presence=good.presence[1:]),
        "no frames": replace(good, info=replace(good.info, frames=()), masks=good.masks[:0]),
    }[fault]
    with pytest.raises(ValueError), PredictionWriter(tmp_path / "p.h5", {}) as writer:
        writer.add(bad)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 500, 5_000, 20_000, 60_000])
def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path, limit: int) -> None:
    """HDF5's own writer would end the process."""
    path = write(tmp_path / "predictions.h5", make())
    before = path.read_bytes()
    many = [make(("model", 0, number), (5, 60, 80)) for number in range(40)]
    said = refusal(lambda: write(path, *many), limit)
    assert said.startswith(f"{path}: cannot be written (No space left on device)")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.h5"]
