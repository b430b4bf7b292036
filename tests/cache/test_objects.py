"""The cache in an object store: in memory, and on an S3-compatible server."""

import subprocess
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import zarr

from cache import (
    FeatureKey,
    FeatureStore,
    ItemIndex,
    ObjectPath,
    TextKey,
    TextStore,
    dequantise,
    place_of,
    quantise,
)
from cache.export import PackedFeatures, PackedText, export_h5
from cache.inventory import list_info
from cache.location import local_side
from cache.prune import prune
from cache.verify import verify
from configs import CacheIntegrityError, FsrvosError

ITEM, OTHER = "ab" * 32, "cd" * 32
CHUNKS, SHARDS = "level4/values/c.1.0.0.0", "level4/values/c.0.0.0.0"
FRAME_BYTES = 3 * 12 * 20 + 4


SLOW_S3 = pytest.param("s3", marks=pytest.mark.slow)


@pytest.fixture(params=["memory", SLOW_S3])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectPath:
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    if request.param == "s3":
        url = request.getfixturevalue("s3")
    else:
        url = f"memory://{uuid.uuid4().hex}/prefix"
    place = place_of(url)
    assert isinstance(place, ObjectPath)
    return place


@pytest.fixture
def store(root: ObjectPath, key: FeatureKey) -> FeatureStore:
    return FeatureStore(root, key, {"numpy": "2"})


@pytest.fixture
def text(root: ObjectPath) -> TextStore:
    return TextStore(root, TextKey(encoder="t", weights="0" * 64, width=4))


def objects(store: FeatureStore, item: str = ITEM) -> ObjectPath:
    """Where an item's Zarr group lies."""
    place = store.item_folder(item) / store.record(item).folder
    assert isinstance(place, ObjectPath)
    return place


def states(seed: int, length: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(length, 4)).astype("f4"), rng.normal(size=4).astype("f4")


@pytest.mark.parametrize(
    ("root", "layout"),
    [("memory", "chunks"), ("memory", "shards"), ("s3", "shards"), ("s3", "chunks")],
    indirect=["root"],
)
def test_reads_what_was_written(
    root: ObjectPath, key: FeatureKey, make_maps: Callable, layout: str
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
    # Nothing stays on this machine.
    assert [path for path in local_side(root).rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_zarr_alone_reads_it(s3: str, key: FeatureKey, make_maps: Callable, layout: str) -> None:
    store = FeatureStore(s3, key, layout=layout)
    maps = make_maps(3)
    store.write(ITEM, maps, {})
    group = zarr.open_group(str(objects(store)), mode="r")
    values = group["level4/values"][:].astype(np.float32)
    values *= group["level4/scale"][:][:, :, None, None]
    values += group["level4/offset"][:][:, :, None, None]
    np.testing.assert_array_equal(values, dequantise(quantise(maps[0])))


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


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
    root: ObjectPath,
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


def test_two_writers_of_an_item_do_not_mix(
    root: ObjectPath, key: FeatureKey, make_maps: Callable
) -> None:
    stores = [FeatureStore(root, key), FeatureStore(root, key)]
    claims = [store.claim(ITEM) for store in stores]
    assert all(claims)
    writers = [store.writer(ITEM, 3) for store in stores]
    maps = [make_maps(3, seed) for seed in (1, 2)]
    for writer, levels in zip(writers, maps, strict=True):
        writer.add(0, [quantise(level) for level in levels])
    reader = FeatureStore(root, key)
    for writer, levels in zip(writers, maps, strict=True):
        writer.commit({})
        # The reader holds the record of the first when the second replaces it.
        found = (
            reader.read(ITEM, [1])
            if writer is writers[0]
            else FeatureStore(root, key).read(ITEM, [1])
        )
        np.testing.assert_array_equal(dequantise(found[0]), dequantise(quantise(levels[0][[1]])))
    (reader.item_folder(ITEM) / reader.record(ITEM).folder).remove()  # type: ignore[union-attr]
    (level, *_) = reader.read(ITEM, [1])
    np.testing.assert_array_equal(dequantise(level), dequantise(quantise(maps[1][0][[1]])))


def test_a_failed_upload_leaves_nothing(
    store: FeatureStore, make_maps: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(place: ObjectPath, folder: Path) -> None:
        (place / "level4/zarr.json").write_bytes(b"{}")
        raise OSError("connection lost")

    monkeypatch.setattr(ObjectPath, "upload", half)
    with pytest.raises(FsrvosError, match="cannot write to the cache: connection lost"):
        store.write(ITEM, make_maps(), {})
    assert not store.has(ITEM)
    assert list(store.item_folder(ITEM).iterdir()) == []
    assert [path for path in local_side(store.root).rglob("*") if path.is_file()] == []


def dead_process() -> int:
    with subprocess.Popen(["true"]) as child:
        return child.pid


def test_prune_removes_what_killed_uploads_left(
    store: FeatureStore, make_maps: Callable, tmp_path: Path
) -> None:
    store.write(ITEM, make_maps(), {})
    whole = objects(store)
    living = whole.name.split(".")
    dead = f"{ITEM}.{living[1]}.{dead_process()}.00000000"
    busy = f"{ITEM}.{living[1]}.{living[2]}.00000000"
    staged = local_side(store.root) / store.key.digest / "tmp" / dead
    (staged / "level4").mkdir(parents=True)
    for name in (dead, busy, f"{ITEM}.elsewhere.1.00000000"):
        for item in (ITEM, OTHER):
            (store.item_folder(item) / name / "zarr.json").write_bytes(b"{}")
    assert {len(prune(store.root, dry_run=True).removals) for _ in range(2)} == {3}
    removed = [removal.path for removal in prune(store.root).removals]
    assert removed == [staged, store.item_folder(ITEM) / dead, store.item_folder(OTHER) / dead]
    assert prune(store.root).removals == () and not staged.exists()
    names = {path.name for path in store.item_folder(ITEM).iterdir()}
    # What runs here, or may run elsewhere, stays.
    assert names == {"done.json", whole.name, busy, f"{ITEM}.elsewhere.1.00000000"}
    assert store.faults(ITEM, deep=True) == [] and list(store.items()) == [ITEM]


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


@pytest.mark.parametrize("root", ["memory", "s3"], indirect=True)
def test_sentences_of_two_writers_are_merged(text: TextStore) -> None:
    other = TextStore(text.root, text.key)
    assert text.missing(["a dog", "a cat"]) == other.missing(["a dog", "a cat"])
    text.write({"a dog": states(0), "a cow": states(1, 5)})
    # As if both had looked before either wrote.
    other._refresh = lambda: None  # type: ignore[method-assign]
    other.write({"a cow": states(1, 5), "a cat": states(2, 1)})
    fresh = TextStore(text.root, text.key)
    assert sorted(fresh.sentences()) == ["a cat", "a cow", "a dog"]
    for seed, (sentence, length) in enumerate({"a dog": 3, "a cow": 5, "a cat": 1}.items()):
        for reader in (text, fresh):
            for found, expected in zip(reader.read(sentence), states(seed, length), strict=True):
                np.testing.assert_array_equal(found, expected)
    assert fresh.check() == [] and fresh.missing(["a dog", "a pig"]) == ["a pig"]


def test_a_damaged_object_of_sentences_is_named(text: TextStore) -> None:
    text.write({"a dog": states(0)})
    (part,) = (text.folder / "text").iterdir()
    data = part.read_bytes()
    at = data.index(states(0)[0].tobytes())
    part.write_bytes(flip(at)(data))
    assert text.read("a dog")
    (fault,) = verify(text.root, deep=True).faults
    assert part.name in fault.fault
    for copy in local_side(text.root).rglob("*.h5"):
        copy.unlink()
    with pytest.raises(CacheIntegrityError, match=f"damaged: {part}; delete the file"):
        TextStore(text.root, text.key).read("a dog")
    part.unlink()
    assert TextStore(text.root, text.key).missing(["a dog"]) == ["a dog"]


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


def test_the_index_of_frames_stays_on_this_machine(root: ObjectPath, tmp_path: Path) -> None:
    index = ItemIndex(root)
    index.remember({"/data/v": ITEM})
    assert index.path.is_relative_to(tmp_path / "work/remote") and index.path.is_file()
    assert ItemIndex(place_of(str(root))).previous(["/data/v"]) == {"/data/v": ITEM}
    assert not root.exists()


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert place_of(f"file://{tmp_path}/cache") == tmp_path / "cache"
    assert place_of("some/folder") == Path("some/folder")
