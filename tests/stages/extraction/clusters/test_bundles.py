"""What a worker does with a bundle, and what it refuses."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import FeatureStore
from cache.presence import present
from configs import Config, DataError, FsrvosError, MissingError
from stages.caching.keys import feature_key
from stages.data.index import load_dataset
from stages.encoders import load_vision
from stages.extraction.clusters.bundles import Bundle, Errand, bundle_up, deliver
from stages.extraction.jobs import Job
from stages.extraction.plan import name_items


@pytest.fixture
def store(tiny: Config, tmp_path: Path) -> FeatureStore:
    key = feature_key(tiny.features, load_vision(tiny.encoder))
    return FeatureStore(tmp_path / "cache", key)


@pytest.fixture
def errand(tiny: Config, store: FeatureStore) -> Iterator[Errand]:
    with present(store.folder) as sign:
        yield Errand(tiny, store.key, str(store.root), store.layout, sign, "cpu", False, "")


@pytest.fixture
def data(blocks_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(blocks_root, tmp_path / "data"))


@pytest.fixture
def bundle(tiny: Config, errand: Errand, data: Path, tmp_path: Path) -> Bundle:
    """Three videos, as they are when this fixture is made."""
    jobs = name_items(tiny, load_dataset(data), ["ant0", "bee1", "cat2"], tmp_path / "cache")
    bundles = bundle_up(errand, jobs, 1)
    return Bundle(errand, tuple(video for bundle in bundles for video in bundle.videos))


def leftovers(store: FeatureStore) -> list[str]:
    """What lies about besides items and the driver's sign."""
    names = [path.name for name in ("tmp", "claims") for path in (store.folder / name).glob("*")]
    return [name for name in names if not name.startswith("sender.")]


def test_a_bundle_makes_the_items_of_a_local_extraction(
    bundle: Bundle,
    store: FeatureStore,
    blocks_cache: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    driver, worker = Pipe()
    driver.send(bundle)
    delivery = deliver(worker.recv())
    assert delivery.items == tuple(video.item for video in bundle.videos)
    assert delivery.tally.frames == 18
    assert sorted(store.items()) == sorted(delivery.items)
    written = read_all(store.root)
    local = read_all(blocks_cache)
    for path, data in written.items():
        if not path.endswith("done.json"):  # which names the folder of the frames
            assert data == local[path], path
    assert len(written) > 3 * 4 * 6


def test_a_second_delivery_has_nothing_to_do(bundle: Bundle) -> None:
    first, second = deliver(bundle), deliver(bundle)
    assert second.items == first.items and second.tally.frames == 0


def test_other_frames_are_refused(bundle: Bundle, data: Path, store: FeatureStore) -> None:
    folder = data / "train/JPEGImages/bee1"
    first, second = sorted(folder.iterdir())[:2]
    first.write_bytes(second.read_bytes())
    with pytest.raises(DataError, match=f"worker .* has other frames of video bee1: {folder}"):
        deliver(bundle)
    assert list(store.items()) == [] and leftovers(store) == []


def test_missing_data_is_named(bundle: Bundle, data: Path, store: FeatureStore) -> None:
    shutil.rmtree(data)
    with pytest.raises(MissingError, match=r"worker .* does not see the data: .*ant0; put"):
        deliver(bundle)
    assert list(store.items()) == []


def test_a_cache_that_is_another_folder_here_is_not_written(
    bundle: Bundle, errand: Errand, tmp_path: Path
) -> None:
    """The same path on a machine with a disk of its own: no sign of the driver."""
    elsewhere = tmp_path / "own disk"
    shutil.copytree(tmp_path / "cache", elsewhere, ignore=shutil.ignore_patterns("sender.*"))
    lost = replace(bundle, errand=replace(errand, root=str(elsewhere)))
    with pytest.raises(MissingError, match="worker .* does not see the cache: .*own disk"):
        deliver(lost)
    assert not list(elsewhere.glob("*/items/*"))


def test_other_weights_or_code_are_refused(
    bundle: Bundle, errand: Errand, store: FeatureStore
) -> None:
    other = replace(store.key, extractor=store.key.extractor + 1)
    with present(store.root / other.digest) as sign:
        older = replace(bundle, errand=replace(errand, key=other, sign=sign))
        with pytest.raises(FsrvosError, match="would make other features: extractor 2 → 1"):
            deliver(older)
    assert not list(store.root.glob("*/items/*"))


def test_a_worker_stops_when_the_driver_has_gone(
    bundle: Bundle, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([True, True, False])
    monkeypatch.setattr("stages.extraction.clusters.bundles.is_present", lambda *_: next(seen))
    with pytest.raises(FsrvosError, match="whoever sent the work has gone"):
        deliver(bundle)
    assert leftovers(store) == []
    assert all(store.faults(item, deep=True) == [] for item in store.items())
    assert len(list(store.items())) >= 2


@given(lengths=st.lists(st.integers(1, 90), min_size=1, max_size=20), workers=st.integers(1, 9))
def test_bundles_hold_every_video_once_in_order(lengths: list[int], workers: int) -> None:
    errand = Errand(Config(), None, "", "chunks", "", "cpu", False, "")  # type: ignore[arg-type]
    jobs = [
        Job(f"v{number}", f"i{number}", [Path("f")] * length, "", lambda _: None, {})  # type: ignore[arg-type,return-value]
        for number, length in enumerate(lengths)
    ]
    bundles = list(bundle_up(errand, jobs, workers))
    names = [video.name for bundle in bundles for video in bundle.videos]
    assert names == [job.video for job in jobs]
    enough = min(8 * 16, sum(lengths) / (4 * workers))
    for bundle in bundles[:-1]:
        frames = [len(video.paths) for video in bundle.videos]
        assert sum(frames) >= enough > sum(frames[:-1])
