"""Views in the cache: which are extracted, what they are, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cache import dequantise
from cache.export import export_h5
from cache.inventory import KeyEntry, list_keys
from cache.prune import prune
from configs import Config, MissingError, load_config
from stages.caching.keys import feature_key
from stages.data.folds import videos_of
from stages.data.index import load_dataset
from stages.data.views import FAMILY, PLAIN, random_view, view_of
from stages.encoders import load_vision
from stages.features import FeaturesReport
from stages.feeding.cached import CachedFeatures
from stages.feeding.sources import LiveSource
from stages.runs.folder import is_run

VIDEOS, TRAINED, FRAMES = 8, 6, 3  # fold 1 tests one of the four classes
Fill = Callable[..., FeaturesReport]
TWO, THREE = "features.views=2", "features.views=3"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def views_held(cache: Path) -> dict[int, KeyEntry]:
    return {e.key["view"]["index"]: e for e in list_keys(cache) if e.kind == "features"}


def bytes_of(entry: KeyEntry) -> dict[str, bytes]:
    """Every stored array of a key, by name."""
    files = (p for p in (entry.folder / "items").rglob("*") if p.is_file())
    return {
        str(p.relative_to(entry.folder)): p.read_bytes() for p in files if p.name != "done.json"
    }


def test_the_plain_view_is_the_key_that_was_there_before() -> None:
    config = load_config("tiny", [THREE])
    vision = load_vision(config.encoder, "cpu")
    plain, first, second = (feature_key(config.features, vision, number) for number in range(3))
    assert plain.view == {"index": 0}
    assert plain == feature_key(load_config("tiny", []).features, vision)
    assert first.view == {"index": 1, **FAMILY}
    assert len({key.digest for key in (plain, first, second)}) == 3


def test_plan_counts_every_view_of_training_videos(fill: Fill, cache: Path) -> None:
    one, three = fill(plan=True), fill(THREE, plan=True)
    assert (three.views, three.videos, three.misses) == (3, VIDEOS + 2 * TRAINED, 8 + 2 * TRAINED)
    assert three.missing_frames == three.misses * FRAMES
    assert three.bytes_needed == one.bytes_needed // VIDEOS * three.misses
    assert three.reasons == {
        "not in the cache": VIDEOS,
        "view 1: not in the cache": TRAINED,
        "view 2: not in the cache": TRAINED,
    }
    assert "videos in up to 3 views: 0 cached, 20 missing" in three.table()
    assert fill(THREE, split="test", plan=True).misses == VIDEOS - TRAINED
    assert fill(THREE, split="train", plan=True).misses == 3 * TRAINED
    assert not cache.exists() or list_keys(cache) == []


def test_what_is_cached_stays_and_only_views_are_added(fill: Fill, cache: Path) -> None:
    fill()
    before = bytes_of(views_held(cache)[0])
    report = fill(THREE)
    assert (report.hits, report.misses, report.text_misses) == (VIDEOS, 2 * TRAINED, 0)
    assert report.frames == 2 * TRAINED * FRAMES
    held = views_held(cache)
    assert sorted(held) == [0, 1, 2]
    assert bytes_of(held[0]) == before
    assert [len(list(held[n].items())) for n in range(3)] == [VIDEOS, TRAINED, TRAINED]
    assert fill(THREE).misses == 0 and fill().misses == 0


def test_a_view_is_the_same_bytes_each_time_and_says_how_it_looks(
    fill: Fill, data: Path, cache: Path
) -> None:
    fill(TWO)
    entry = views_held(cache)[1]
    before = bytes_of(entry)
    fill(TWO, force=True)
    assert bytes_of(entry) == before
    for record in entry.records():
        assert record.meta["view"] == view_of(1, record.item).to_json()
    trained = set(videos_of(load_dataset(data), 1, "train"))
    assert {record.meta["video"] for record in entry.records()} == trained


def test_another_size_is_said_of_each_view(fill: Fill) -> None:
    fill(TWO)
    reasons = fill(TWO, "features.short_side=48", plan=True).reasons
    assert reasons == {
        "preprocessing.short_side 64 → 48": VIDEOS,
        "view 1: preprocessing.short_side 64 → 48": TRAINED,
    }


@pytest.mark.parametrize("stored_type", ["uint8", "fp32"])
def test_live_and_cached_say_the_same_of_a_view(
    fill: Fill, data: Path, cache: Path, stored_type: str
) -> None:
    pairs = (THREE, f"features.stored={stored_type}")
    fill(*pairs)
    config, dataset = load_config("tiny", pairs), load_dataset(data)
    cached, live = CachedFeatures(config, dataset, cache), LiveSource(config, dataset, "cpu")
    rng = np.random.default_rng(0)
    for video in videos_of(dataset, 1, "train"):
        views = list(cached.views(video, rng))
        assert len(set(views)) == 3 and PLAIN in views
        plain = [level.numpy() for level in live.maps(video, [1, 2])]
        for view in views:
            pairs_of_levels = zip(
                cached.maps(video, [1, 2], view), live.maps(video, [1, 2], view), strict=True
            )
            for level, (kept, fresh) in enumerate(pairs_of_levels):
                step = 0 if kept.scale is None else kept.scale.max()
                expected = fresh.numpy()
                np.testing.assert_allclose(
                    dequantise(kept), expected, atol=1e-4 + 0.51 * step, rtol=1e-3
                )
                assert (view == PLAIN) == np.array_equal(expected, plain[level])


def test_a_view_of_another_family_is_not_in_the_cache(fill: Fill, data: Path, cache: Path) -> None:
    fill(TWO)
    cached = CachedFeatures(load_config("tiny", [TWO]), load_dataset(data), cache)
    with pytest.raises(ValueError, match="not in list"):
        cached.maps("v1", [0], random_view(np.random.default_rng(0)))


def test_missing_views_are_named(fill: Fill, data: Path, cache: Path) -> None:
    fill(split="train")
    dataset = load_dataset(data)
    trained = videos_of(dataset, 1, "train")
    cached = CachedFeatures(load_config("tiny", [TWO]), dataset, cache)
    cached.prepare(trained)
    with pytest.raises(MissingError) as caught:
        cached.prepare(trained, augmented=True)
    line = str(caught.value)
    assert line.startswith(f"not in the cache: view 1 of 6 of 6 videos, first {trained[0]}: ")
    assert "\n" not in line
    (mirrored,) = (v for v in cached.views(trained[0], np.random.default_rng(0)) if v != PLAIN)
    with pytest.raises(MissingError, match=f"view 1 of video {trained[0]}: "):
        cached.maps(trained[0], [0], mirrored)


def test_an_exported_cache_holds_the_plain_view(
    fill: Fill, data: Path, cache: Path, tmp_path: Path
) -> None:
    fill(TWO)
    out = tmp_path / "cache.h5"
    export_h5(out, views_held(cache)[0].feature_store(), None)
    packed = CachedFeatures(load_config("tiny", [TWO]), load_dataset(data), out)
    packed.prepare(["v0", "v1"])
    with pytest.raises(MissingError, match=r"one view.*cache\.h5; .*train\.augment=false"):
        packed.prepare(["v0", "v1"], augmented=True)


def test_pruning_keeps_the_views_of_the_key_that_a_dataset_keeps(fill: Fill, cache: Path) -> None:
    fill(TWO, "features.short_side=48")
    fill(THREE)
    report = prune(cache, unused=True, is_run=is_run)
    doomed = [removal.path.name for removal in report.removals if removal.kind == "key"]
    assert len(doomed) == 2  # both views of the size that is no longer used
    assert sorted(views_held(cache)) == [0, 1, 2]
    assert fill(THREE).misses == 0


def test_sentences_are_cached_mirrored_too(
    data: Path, fill: Fill, cache: Path, config: Config
) -> None:
    path = data / "meta_expressions/train/meta_expressions.json"
    path.write_text(path.read_text().replace("a ant number 0", "the ant on the left, bright"))
    fill()
    cached = CachedFeatures(config, load_dataset(data), cache)
    for text in ("the ant on the right, bright", "the object on the right, bright"):
        assert cached.text(text)[0].shape[0] > 0
    with pytest.raises(MissingError, match="bleft"):
        cached.text("the ant on the right, bleft")
