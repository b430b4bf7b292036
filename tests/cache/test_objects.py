"""What is different in an object store: no locks, no renames, copies on this machine."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from cache import (
    FeatureKey,
    FeatureStore,
    ItemIndex,
    ObjectPath,
    Place,
    TextStore,
    dequantise,
    place_of,
    quantise,
)
from cache.location import local_side
from cache.prune import prune
from cache.verify import verify
from configs import CacheIntegrityError, FsrvosError
from tests.cache.test_contract import ITEM, OTHER, flip, objects, states

DISTANT = ["memory", pytest.param("s3", marks=pytest.mark.slow)]
pytestmark = pytest.mark.parametrize("root", DISTANT, indirect=True)


@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_zarr_alone_reads_it(
    root: Place, key: FeatureKey, make_maps: Callable, layout: str
) -> None:
    store = FeatureStore(root, key, layout=layout)
    maps = make_maps(3)
    store.write(ITEM, maps, {})
    group = zarr.open_group(str(objects(store)), mode="r")
    values = group["level4/values"][:].astype(np.float32)
    values *= group["level4/scale"][:][:, :, None, None]
    values += group["level4/offset"][:][:, :, None, None]
    np.testing.assert_array_equal(values, dequantise(quantise(maps[0])))


def test_two_writers_of_an_item_do_not_mix(
    root: Place, key: FeatureKey, make_maps: Callable
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


def test_the_index_of_frames_stays_on_this_machine(root: Place, tmp_path: Path) -> None:
    index = ItemIndex(root)
    index.remember({"/data/v": ITEM})
    assert index.path.is_relative_to(tmp_path / "work/remote") and index.path.is_file()
    assert ItemIndex(place_of(str(root))).previous(["/data/v"]) == {"/data/v": ITEM}
    assert not root.exists()
