"""Extraction: what is stored, what recomputes it and why, what does not."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import stages.caching.keys
import stages.extraction.pipeline
import stages.features
from cache import FeatureStore, dequantise, quantise
from cache.export import export_h5
from cache.inventory import list_keys
from cache.prune import prune
from cache.verify import verify
from configs import (
    CacheIntegrityError,
    Config,
    DataError,
    FsrvosError,
    MissingError,
    UsageError,
    load_config,
)
from stages.data.index import load_dataset
from stages.encoders import load_text, load_vision
from stages.encoders.base import weights_digest
from stages.encoders.tiny import TinyVision
from stages.features import FeaturesReport
from stages.feeding.cached import CachedFeatures
from stages.runs.folder import is_run
from tests.full_disk import files_up_to

VIDEOS, FRAMES = 8, 3
SENTENCES = 2 * VIDEOS + 1  # each as written and with its noun hidden, and the empty one
Fill = Callable[..., FeaturesReport]


@pytest.fixture
def source(config: Config, data: Path, tmp_path: Path) -> Callable[[], CachedFeatures]:
    return lambda: CachedFeatures(config, load_dataset(data), tmp_path / "cache")


@pytest.fixture
def features_key(tmp_path: Path) -> Callable[[], FeatureStore]:
    """The store of the only features key."""

    def find() -> FeatureStore:
        (entry,) = [e for e in list_keys(tmp_path / "cache") if e.kind == "features"]
        return entry.feature_store()

    return find


@pytest.mark.parametrize("stored_type", ["uint8", "uint6", "uint4-6-8-8", "fp16", "fp32"])
def test_cached_maps_are_the_encoders(
    fill: Fill, data: Path, tmp_path: Path, stored_type: str
) -> None:
    pair = f"features.stored={stored_type}"
    report = fill(pair)
    assert (report.hits, report.misses, report.frames) == (0, VIDEOS, VIDEOS * FRAMES)
    config = load_config("tiny", [pair])
    dataset = load_dataset(data)
    cached = CachedFeatures(config, dataset, tmp_path / "cache")
    encoder = load_vision(config.encoder, "cpu")
    for video in dataset.videos:
        frames = np.stack([dataset.frame(video, index) for index in range(FRAMES)])
        plain = encoder(torch.from_numpy(frames))
        for level, found in enumerate(cached.maps(video, [2, 0, 1])):
            expected = quantise(plain[level].numpy()[[2, 0, 1]], stored_type, level)
            step = expected.scale.max() if expected.scale is not None else 0  # type: ignore[union-attr]
            # The batch the encoder saw was another one: its last bits may differ.
            np.testing.assert_allclose(
                dequantise(found), dequantise(expected), atol=1e-4 + 1.01 * step, rtol=1e-3
            )


def test_cached_sentences_are_the_encoders(
    fill: Fill, config: Config, source: Callable[[], CachedFeatures]
) -> None:
    assert fill().text_misses == SENTENCES
    encoder = load_text(config.encoder, "cpu")
    for sentence in ("a dog number 3", ""):
        (expected,) = encoder.encode([sentence])
        tokens, state = source().text(sentence)
        np.testing.assert_allclose(tokens, expected.tokens.numpy())
        np.testing.assert_allclose(state, expected.sentence.numpy())


def test_a_second_run_has_nothing_to_do(fill: Fill) -> None:
    fill()
    again = fill()
    assert (again.hits, again.misses, again.frames, again.text_misses) == (VIDEOS, 0, 0, 0)
    assert again.reasons == {}


def test_plan_tells_and_does_nothing(fill: Fill, tmp_path: Path) -> None:
    plan = fill(plan=True)
    assert plan.planned_only and (plan.hits, plan.misses) == (0, VIDEOS)
    assert plan.missing_frames == VIDEOS * FRAMES and plan.text_misses == SENTENCES
    assert plan.minutes > 0 and plan.free_bytes > 0
    assert plan.reasons == {"not in the cache": VIDEOS}
    assert list_keys(tmp_path / "cache") == []
    done = fill()
    # Headers and 16-frame chunks of scales come on top of the frames themselves.
    assert plan.bytes_needed <= done.written_bytes
    values = sum(c * h * w for c, h, w in ((8, 16, 24), (8, 8, 12), (16, 4, 6), (16, 2, 3)))
    assert plan.bytes_per_frame == values + 48 * 8 + 4 * 4
    assert fill(plan=True).misses == 0


def test_batch_size_changes_no_more_than_the_last_bits(
    fill: Fill, source: Callable[[], CachedFeatures]
) -> None:
    fill("features.batch_frames=1")
    one = source().maps("v1", range(FRAMES))
    fill("features.batch_frames=7", force=True)
    for first, second in zip(one, source().maps("v1", range(FRAMES)), strict=True):
        assert first.scale is not None
        np.testing.assert_allclose(
            dequantise(first), dequantise(second), atol=1.01 * float(first.scale.max())
        )


def test_what_recomputes_nothing(fill: Fill, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """Fold, batch size, library version, moved and touched files."""
    fill()
    assert fill(fold=3).misses == 0
    assert fill("features.batch_frames=5").misses == 0
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99.9.9")
    assert fill().misses == 0
    moved = data / "train/JPEGImages/v0"
    for path in sorted(moved.iterdir()):
        copy = path.with_suffix(".copy")
        shutil.copyfile(path, copy)
        copy.replace(path)
        os.utime(path, (0, 0))
    assert fill().misses == 0
    assert fill("data.frames=7").misses == 0


def other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> TinyVision:
        encoder = TinyVision()
        with torch.no_grad():
            # One byte of one weight.
            raw = next(encoder.parameters()).data.view(-1).view(torch.uint8)
            raw[0] ^= 1
        encoder.digest = weights_digest(encoder.state_dict())
        return encoder

    monkeypatch.setattr(stages.features, "load_vision", load)


def test_a_weight_byte_recomputes_all(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    other_weights(monkeypatch)
    report = fill(plan=True)
    assert report.misses == VIDEOS
    (reason,) = report.reasons
    assert reason.startswith("weights ") and "→" in reason


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("features.short_side=48", "preprocessing.short_side 64 → 48"),
        ("features.long_side=0", "preprocessing.long_side 96 → 0"),
        ("features.stored=fp16", "stored uint8 → fp16"),
        ("features.stored=uint6", "stored uint8 → uint6"),
    ],
)
def test_size_and_quantisation_recompute_all(fill: Fill, pair: str, reason: str) -> None:
    fill()
    assert fill(pair, plan=True).reasons == {reason: VIDEOS}


def test_an_unknown_stored_type_is_one_line(fill: Fill) -> None:
    with pytest.raises(UsageError, match="features.stored: unknown stored type 'int3': one of"):
        fill("features.stored=int3")


@pytest.mark.parametrize("stored_type", ["uint6", "uint4", "uint4-6-8-8"])
def test_the_plan_foretells_the_bytes_of_a_frame(
    fill: Fill, features_key: Callable[[], FeatureStore], stored_type: str
) -> None:
    pair = f"features.stored={stored_type}"
    foretold = fill(pair, plan=True).bytes_per_frame
    fill(pair)
    store = features_key()
    for item in store.items():
        folder = store.item_folder(item)
        values = sum(path.stat().st_size for path in folder.glob("level*/values/c.1.*"))
        channels = sum(level.shape[1] for level in store.record(item).levels)
        assert values + 8 * channels == foretold


def test_the_resize_rule_recomputes_all(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    monkeypatch.setattr(stages.caching.keys, "RESIZE_RULE", "nearest")
    (reason,) = fill(plan=True).reasons
    assert reason.startswith("preprocessing.resize ") and reason.endswith("→ nearest")


def test_the_nearest_key_explains(fill: Fill) -> None:
    fill("features.short_side=48", "features.stored=fp16")
    fill("features.short_side=48")
    assert fill(plan=True).reasons == {"preprocessing.short_side 48 → 64": VIDEOS}


def test_a_changed_pixel_recomputes_its_video(fill: Fill, data: Path) -> None:
    fill()
    path = data / "train/JPEGImages/v5/00001.jpg"
    pixels = np.array(Image.open(path))
    pixels[10, 10] ^= 255
    Image.fromarray(pixels).save(path)
    assert fill(plan=True).reasons == {"frames changed": 1}
    assert fill().misses == 1
    assert fill().misses == 0


def test_a_changed_sentence_recomputes_one_row(fill: Fill, data: Path) -> None:
    fill()
    path = data / "meta_expressions/train/meta_expressions.json"
    path.write_text(path.read_text().replace("a dog number 3", "a dog  number 33"))
    report = fill()
    assert (report.misses, report.text_misses) == (0, 2)  # as written, and with its noun hidden


def test_a_split_extracts_its_videos_only(fill: Fill, source: Callable[[], CachedFeatures]) -> None:
    assert fill(split="test").frames == 2 * FRAMES
    assert source().maps("v0", [0])
    with pytest.raises(MissingError, match=r"not in the cache: video v1: "):
        source().maps("v1", [0])
    with pytest.raises(MissingError, match=r"6 of 8 videos, first v1"):
        source().prepare([f"v{n}" for n in range(VIDEOS)])
    with pytest.raises(MissingError, match="sentence 'a cat number 2'"):
        source().text("a cat number 2")


def test_force_recomputes(fill: Fill) -> None:
    fill()
    assert fill(force=True).frames == VIDEOS * FRAMES


def test_equal_videos_are_extracted_once(fill: Fill, data: Path) -> None:
    shutil.rmtree(data / "train/JPEGImages/v2")
    shutil.copytree(data / "train/JPEGImages/v1", data / "train/JPEGImages/v2")
    assert fill().frames == (VIDEOS - 1) * FRAMES
    assert fill().misses == 0


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_damage_is_repaired_and_nothing_else(
    fill: Fill, features_key: Callable[[], FeatureStore], damage: Callable[[Path], None]
) -> None:
    fill()
    store = features_key()
    before = {item: store.record(item) for item in store.items()}
    victim = sorted(before)[3]
    damage(store.item_folder(victim) / "level8/values/c.1.0.0.0")
    report = fill()
    assert report.frames == FRAMES
    (reason,) = report.reasons
    assert reason.startswith("damaged: level8/values/c.1.0.0.0")
    fresh = features_key()
    for item, record in before.items():
        assert fresh.record(item).levels == record.levels
    assert verify(store.root, deep=True).faults == ()


def test_silent_damage_found_by_a_reader_is_repaired(
    fill: Fill, source: Callable[[], CachedFeatures], features_key: Callable[[], FeatureStore]
) -> None:
    fill()
    store = features_key()
    victim = next(item for item in store.items() if store.record(item).meta["video"] == "v4")
    path = store.item_folder(victim) / "level8/values/c.1.0.0.0"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fill(plan=True).misses == 0
    with pytest.raises(CacheIntegrityError, match=f"{victim} is damaged: .*checksum") as caught:
        source().maps("v4", [1])
    assert caught.value.exit_code == 3
    assert fill().frames == FRAMES
    source().maps("v4", [1])


def test_a_full_disk_is_one_line_and_leaves_nothing(
    fill: Fill, tmp_path: Path, features_key: Callable[[], FeatureStore]
) -> None:
    fill(split="test")
    whole = list(features_key().items())
    with files_up_to(2000), pytest.raises(FsrvosError, match="no space left on device") as caught:
        fill()
    assert "\n" not in str(caught.value)
    assert list(features_key().items()) == whole
    assert list((features_key().folder / "tmp").iterdir()) == []
    assert list((features_key().folder / "claims").iterdir()) == []
    assert fill().frames == (VIDEOS - 2) * FRAMES


def test_a_cache_that_cannot_be_written(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FsrvosError, match="cannot write to the cache: permission denied: .*cache"):
        fill()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_read_and_not_written(
    fill: Fill, tmp_path: Path, source: Callable[[], CachedFeatures]
) -> None:
    fill(split="test")
    folders = [path for path in (tmp_path / "cache").rglob("*") if path.is_dir()]
    for folder in [tmp_path / "cache", *folders]:
        folder.chmod(0o500)
    try:
        source().maps("v0", [0])
        with pytest.raises(FsrvosError, match="permission denied"):
            fill()
    finally:
        for folder in [tmp_path / "cache", *folders]:
            folder.chmod(0o700)


def test_a_broken_frame_stops_with_its_name_and_keeps_the_rest(
    fill: Fill, data: Path, features_key: Callable[[], FeatureStore]
) -> None:
    path = data / "train/JPEGImages/v6/00002.jpg"
    path.write_bytes(b"no JPEG")
    with pytest.raises(DataError, match=r"v6/00002\.jpg"):
        fill("features.batch_frames=3")
    assert list((features_key().folder / "tmp").iterdir()) == []
    assert verify(features_key().root, deep=True).faults == ()


def test_frames_of_two_sizes_in_one_video(fill: Fill, data: Path) -> None:
    path = data / "train/JPEGImages/v6/00002.jpg"
    Image.open(path).resize((64, 64)).save(path)
    with pytest.raises(DataError, match="v6 has frames of different sizes"):
        fill()


def test_a_video_that_changes_while_it_is_read(
    fill: Fill, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stages.extraction.pipeline.encode
    path = data / "train/JPEGImages/v0/00000.jpg"

    def encode(*arguments: object) -> object:
        path.write_bytes(path.read_bytes() + b"\0")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stages.extraction.pipeline, "encode", encode)
    with pytest.raises(DataError, match="v0 changed while it was being read"):
        fill()


def test_nothing_is_left_after_an_interruption(
    fill: Fill, features_key: Callable[[], FeatureStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = stages.extraction.pipeline.encode

    def encode(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stages.extraction.pipeline, "encode", encode)
    monkeypatch.setattr("stages.extraction.plan.encode", real)
    with pytest.raises(KeyboardInterrupt):
        fill("features.batch_frames=4")
    store = features_key()
    assert list((store.folder / "tmp").iterdir()) == []
    assert list((store.folder / "claims").iterdir()) == []
    done = len(list(store.items()))
    assert fill("features.batch_frames=4").frames == (VIDEOS - done) * FRAMES


def test_unknown_fold_and_missing_data(fill: Fill, config: Config, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown fold 9"):
        fill(fold=9)
    with pytest.raises(MissingError):
        stages.features.extract(config=config, data_root=tmp_path / "absent", fold=1)


def test_training_reads_an_exported_file(
    fill: Fill, config: Config, data: Path, tmp_path: Path, source: Callable[[], CachedFeatures]
) -> None:
    fill()
    out = tmp_path / "packed.h5"
    folder = source()
    export_h5(out, folder.store, folder.texts)  # type: ignore[arg-type]
    packed = CachedFeatures(config, load_dataset(data), out)
    packed.prepare([f"v{n}" for n in range(VIDEOS)])
    for one, other in zip(packed.maps("v3", [2, 0]), folder.maps("v3", [2, 0]), strict=True):
        np.testing.assert_array_equal(dequantise(one), dequantise(other))
    np.testing.assert_array_equal(packed.text("")[0], folder.text("")[0])


def test_prune_unused_keeps_what_the_dataset_uses(fill: Fill, tmp_path: Path) -> None:
    fill()
    fill("features.short_side=48")
    report = prune(tmp_path / "cache", unused=True, is_run=is_run)
    assert [removal.kind for removal in report.removals] == ["key"]
    assert fill("features.short_side=48").misses == 0
    assert fill(plan=True).misses == VIDEOS


def test_report_for_people_and_programs(fill: Fill) -> None:
    plan = fill(plan=True)
    text = plan.table()
    assert f"videos: 0 cached, {VIDEOS} missing" in text and "GB free" in text
    assert plan.to_json()["misses"] == VIDEOS
    assert f"videos: 0 cached, {VIDEOS} new" in replace(plan, planned_only=False).table()
