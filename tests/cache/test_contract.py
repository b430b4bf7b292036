"""What a cache promises wherever it lies: on a disk, in an object store in memory, on a server that
speaks S3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from cache import (
    FeatureKey,
    FeatureStore,
    Place,
    TextStore,
    dequantise,
    quantise,
)
from cache.export import PackedFeatures, PackedText, export_h5
from cache.inventory import list_info
from cache.location import staging_of
from cache.prune import prune
from cache.shards import LAYOUTS
from cache.verify import verify
from configs import CacheIntegrityError

ITEM, OTHER = "ab" * 32, "cd" * 32
CHUNKS, SHARDS = "level4/values/c.1.0.0.0", "level4/values/c.0.0.0.0"
FRAME_BYTES = 3 * 12 * 20 + 4
SLOW_S3 = pytest.param("s3", marks=pytest.mark.slow)
everywhere = pytest.mark.parametrize("root", ["disk", "memory", SLOW_S3], indirect=True)


def objects(store: FeatureStore, item: str = ITEM) -> Place:
    """Where an item's Zarr group lies."""
    return store.item_folder(item) / store.record(item).folder


def states(seed: int, length: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(length, 4)).astype("f4"), rng.normal(size=4).astype("f4")


@pytest.mark.parametrize(
    ("root", "layout"),
    [(kind, layout) for kind in ("disk", "memory", "s3") for layout in LAYOUTS],
    indirect=["root"],
)
def test_reads_what_was_written(
    root: Place, key: FeatureKey, make_maps: Callable, layout: str
) -> None:
    store = FeatureStore(root, key, layout=layout)
    maps = make_maps(9)
    assert not store.has(ITEM) and store.faults(ITEM) == ["absent"]
    store.write(ITEM, maps, {"video": "v"})
    fresh = FeatureStore(str(root), key)
    assert fresh.has(ITEM) and list(fresh.items()) == [ITEM]
    assert fresh.faults(ITEM, deep=True) == []
    assert fresh.record(ITEM).meta == {"video": "v"} and fresh.record(ITEM).layout == layout
    for level, found in zip(maps, fresh.read(ITEM, [8, 0, 7, 0]), strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(level[[8, 0, 7, 0]])))
    # A thread that has no connection yet makes its own.
    with ThreadPoolExecutor(2) as pool:
        reads = pool.map(lambda frame: FeatureStore(root, key).read(ITEM, [frame], [2]), [4, 1])
    for frame, (found,) in zip([4, 1], reads, strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(maps[2][[frame]])))
    # Nothing stays where it was staged.
    assert list(staging_of(store.folder).glob("*")) == []


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@everywhere
@pytest.mark.parametrize(
    ("layout", "change", "fault"),
    [
        ("chunks", flip(7), "checksum differs"),
        ("chunks", lambda data: data[:-1], f"{FRAME_BYTES - 1} bytes where {FRAME_BYTES}"),
        ("chunks", lambda data: data + b"x", f"{FRAME_BYTES + 1} bytes where {FRAME_BYTES}"),
        ("chunks", lambda data: None, "missing"),
        ("shards", flip(FRAME_BYTES + 7), "chunk 1: checksum differs"),
        ("shards", lambda data: data[: FRAME_BYTES - 5], f"{FRAME_BYTES - 5} bytes where"),
        ("shards", lambda data: data[: FRAME_BYTES + 5], f"{FRAME_BYTES + 5} bytes where"),
        ("shards", lambda data: None, "missing"),
    ],
)
def test_damage_is_named_and_healed(
    root: Place,
    key: FeatureKey,
    make_maps: Callable,
    layout: str,
    change: Callable[[bytes], bytes | None],
    fault: str,
) -> None:
    store = FeatureStore(root, key, layout=layout)
    store.write(ITEM, make_maps(), {})
    store.write(OTHER, make_maps(), {})
    damaged = objects(store) / (CHUNKS if layout == "chunks" else SHARDS)
    changed = change(damaged.read_bytes())
    damaged.unlink() if changed is None else damaged.write_bytes(changed)
    deep = verify(root, deep=True)
    assert {found.item for found in deep.faults} == {ITEM}
    assert str(deep.faults[0].path) == str(store.item_folder(ITEM))
    (store.item_folder(ITEM) / "damaged.json").unlink()
    fresh = FeatureStore(root, key)
    assert fresh.read(ITEM, [0], [1])
    with pytest.raises(CacheIntegrityError, match=f"{ITEM} is damaged: level4.*{fault}"):
        fresh.read(ITEM, [1])
    assert not fresh.has(ITEM) and list(fresh.items()) == [OTHER]
    store.write(ITEM, make_maps(), {})
    assert fresh.has(ITEM) and fresh.faults(ITEM, deep=True) == []
    assert {removal.reason for removal in prune(root).removals} <= {"replaced since"}
    assert verify(root, deep=True).faults == ()


@everywhere
def test_prune_removes_damaged_items_and_keys(store: FeatureStore, make_maps: Callable) -> None:
    for item in (ITEM, OTHER):
        store.write(item, make_maps(), {})
    (objects(store) / CHUNKS).write_bytes(b"")
    with pytest.raises(CacheIntegrityError):
        store.read(ITEM, [1])
    # This process wrote it and lives: it might be writing it again.
    assert [removal.kind for removal in prune(store.root).removals] == ["damaged item"]
    assert list(store.items()) == [OTHER] and not store.item_folder(ITEM).exists()
    (removal,) = prune(store.root, older_than=timedelta(days=-1)).removals
    assert removal.kind == "key" and removal.nbytes > 0
    assert list_info(store.root) == [] and not store.folder.exists()


@everywhere
def test_what_the_store_holds_is_listed(
    store: FeatureStore, text: TextStore, make_maps: Callable, tmp_path: Path
) -> None:
    store.write(ITEM, make_maps(), {})
    text.write({"a dog": states(0)})
    store.mark_used(tmp_path)
    found = {info.kind: info for info in list_info(store.root)}
    assert (found["features"].entries, found["features"].frames) == (1, 3)
    assert found["features"].users == (str(tmp_path),) and found["features"].used > 1e9
    assert found["features"].nbytes == store.record(ITEM).nbytes
    assert found["text"].entries == 1 and found["text"].nbytes > 0


@everywhere
def test_export_writes_a_local_file(
    store: FeatureStore, text: TextStore, make_maps: Callable, tmp_path: Path
) -> None:
    store.write(ITEM, make_maps(), {})
    text.write({"a dog": states(0)})
    text.write({"a cat": states(1)})
    export_h5(tmp_path / "x.h5", store, text)
    (level,) = PackedFeatures(tmp_path / "x.h5", store.key).read(ITEM, [2], [3])
    np.testing.assert_array_equal(level.values, store.read(ITEM, [2], [3])[0].values)
    np.testing.assert_array_equal(
        PackedText(tmp_path / "x.h5", text.key).read("a cat")[0], states(1)[0]
    )
