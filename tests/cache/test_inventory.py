"""Listing, verifying, pruning and exporting a cache."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import FeatureKey, FeatureStore, TextKey, TextStore, dequantise, quantise
from cache.export import PackedFeatures, PackedText, export_h5
from cache.inventory import find_key, info, list_info, list_keys
from cache.items import item_of
from cache.prune import prune
from cache.verify import verify
from cache.whole import temporary_name
from configs import CacheIntegrityError, FsrvosError, MissingError, UsageError
from tests.full_disk import files_up_to

ITEMS = ["ab" * 32, "cd" * 32]


def is_run(folder: Path) -> bool:
    return folder.name == "run"


@pytest.fixture
def text(store: FeatureStore) -> TextStore:
    made = TextStore(store.root, TextKey(encoder="t", weights="0" * 64, width=4), {"numpy": "2"})
    made.write({"a dog": (np.ones((3, 4), np.float32), np.ones(4, np.float32))})
    return made


@pytest.fixture
def filled(store: FeatureStore, text: TextStore, make_maps: Callable) -> FeatureStore:
    for number, item in enumerate(ITEMS):
        store.write(item, make_maps(3 + number, number), {"video": item[:4]})
    return store


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)


def test_list_info(filled: FeatureStore, text: TextStore) -> None:
    found = {entry.kind: entry for entry in list_info(filled.root)}
    features = found["features"]
    assert features.digest == filled.key.digest and features.key["encoder"] == "e"
    assert (features.entries, features.frames) == (2, 7)
    on_disk = sum(
        path.stat().st_size
        for path in (filled.folder / "items").rglob("*")
        if path.is_file() and path.name != "done.json"
    )
    assert features.nbytes == on_disk
    assert features.bytes_per_frame == on_disk / 7
    assert found["text"].entries == 1 and found["text"].nbytes == text.path.stat().st_size
    assert json.loads(json.dumps(features.to_json()))["entries"] == 2


def test_list_passes_over_what_is_no_key(filled: FeatureStore) -> None:
    (filled.root / "notes").mkdir()
    (filled.root / "notes" / "key.json").write_text("{}")
    (filled.root / ("0" * 64)).mkdir()
    (filled.root / ("0" * 64) / "key.json").write_text("not JSON")
    assert len(list_keys(filled.root)) == 2
    assert list_keys(filled.root / "absent") == []


def test_find_key(filled: FeatureStore) -> None:
    digest = filled.key.digest
    assert find_key(filled.root, digest[:6]).feature_store().key == filled.key
    with pytest.raises(MissingError, match="no key 'zz'"):
        find_key(filled.root, "zz")
    twin = filled.root / (digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    shutil.copytree(filled.folder, twin)
    with pytest.raises(UsageError, match="2 keys begin with"):
        find_key(filled.root, digest[:6])


def test_verify_of_a_whole_cache(filled: FeatureStore) -> None:
    for deep in (False, True):
        report = verify(filled.root, deep=deep)
        assert (report.keys, report.items, report.faults) == (2, 2, ())


def test_verify_names_each_damaged_item(filled: FeatureStore, text: TextStore) -> None:
    path = filled.item_folder(ITEMS[0]) / "level4/values/c.1.0.0.0"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (filled.item_folder(ITEMS[1]) / "level8/scale/c.0.0").unlink()
    (found,) = verify(filled.root).faults
    assert (found.item, found.fault) == (ITEMS[1], "level8/scale/c.0.0: missing")
    deep = {fault.item: fault.fault for fault in verify(filled.root, deep=True).faults}
    assert deep[ITEMS[0]] == "level4/values/c.1.0.0.0: checksum differs"
    assert set(deep) == set(ITEMS)
    assert not filled.has(ITEMS[0])
    text.path.write_bytes(b"x")
    assert text.key.digest in {fault.key for fault in verify(filled.root).faults}


def test_verify_can_look_at_one_key(filled: FeatureStore, text: TextStore) -> None:
    text.path.write_bytes(b"x")
    assert verify(filled.root, prefix=filled.key.digest[:8]).faults == ()
    assert len(verify(filled.root, prefix=text.key.digest[:8]).faults) == 1


def test_verify_names_keys_that_are_not_what_they_say(filled: FeatureStore) -> None:
    path = filled.folder / "key.json"
    path.write_text(path.read_text().replace('"short_side": 48', '"short_side": 49'))
    (fault,) = verify(filled.root).faults
    assert fault.fault == "key.json: not the key that the folder is named after"
    path.write_text("{")
    (fault,) = verify(filled.root).faults
    assert fault.fault == "key.json: missing or not readable"


def leave_rubbish(store: FeatureStore, process: int) -> list[Path]:
    """What a killed extraction leaves."""
    parts = temporary_name("ef" * 32).split(".")
    staged = store.folder / "tmp" / ".".join([*parts[:2], str(process), parts[3]])
    (staged / "level4").mkdir(parents=True)
    (staged / "level4" / "chunk").write_bytes(b"x" * 100)
    claim = store.folder / "claims" / ("ef" * 32)
    claim.touch()
    partial = store.folder / f".key.json.{'.'.join([parts[1], str(process), parts[3]])}"
    partial.touch()
    return [staged, claim, partial]


def test_prune_removes_what_killed_processes_left(filled: FeatureStore) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    rubbish = leave_rubbish(filled, child)
    planned = prune(filled.root, dry_run=True)
    assert planned.dry_run and planned.nbytes == 100
    assert all(path.exists() for path in rubbish)
    report = prune(filled.root)
    assert {removal.path for removal in report.removals} == set(rubbish)
    assert not any(path.exists() for path in rubbish)
    assert list(filled.items()) == ITEMS and verify(filled.root, deep=True).faults == ()
    assert prune(filled.root).removals == ()


def test_prune_leaves_what_living_processes_write(
    filled: FeatureStore, make_maps: Callable
) -> None:
    claim = filled.claim("ef" * 32)
    assert claim is not None
    with filled.writer("ef" * 32, 3) as writer:
        writer.add(0, [quantise(level) for level in make_maps(3)])
        assert prune(filled.root, unused=True, older_than=timedelta(0)).removals[0].kind == "key"
        writer.commit({})
    claim.release()
    assert filled.has("ef" * 32)


def test_prune_removes_damaged_items(filled: FeatureStore) -> None:
    flip(filled.item_folder(ITEMS[0]) / "level4/values/c.1.0.0.0")
    with pytest.raises(CacheIntegrityError):
        filled.read(ITEMS[0], [1])
    (removal,) = prune(filled.root).removals
    assert (removal.kind, removal.path) == ("damaged item", filled.item_folder(ITEMS[0]))
    assert list(filled.items()) == [ITEMS[1]]


def test_prune_by_age(filled: FeatureStore, text: TextStore) -> None:
    assert prune(filled.root, older_than=timedelta(days=30)).removals == ()
    filled.mark_used()
    old = time.time() - 40 * 86400
    os.utime(filled.folder / "used", (old, old))
    (removal,) = prune(filled.root, older_than=timedelta(days=30)).removals
    assert (removal.kind, removal.reason) == ("key", "last used 40 days ago")
    assert not filled.folder.exists() and text.folder.exists()


def test_prune_keeps_keys_of_runs_and_the_last_of_a_dataset(
    tmp_path: Path, key: FeatureKey, make_maps: Callable
) -> None:
    run, data = tmp_path / "run", tmp_path / "data"
    run.mkdir()
    data.mkdir()
    stores = {}
    for number, name in enumerate(["of run", "superseded", "latest", "of nobody"]):
        stores[name] = FeatureStore(tmp_path / "cache", replace(key, extractor=number + 5))
        stores[name].write(ITEMS[0], make_maps(), {})
    stores["of run"].mark_used(run)
    for name, used in (("of run", 10), ("superseded", 20), ("latest", 30)):
        stores[name].mark_used(data)
        for note in (stores[name].folder / "users").glob("*.json"):
            os.utime(note, (used, used))
    assert kept(stores, prune(tmp_path / "cache").removals) == set(stores)
    doomed = prune(tmp_path / "cache", unused=True, is_run=is_run, dry_run=True)
    assert kept(stores, (r for r in doomed.removals if r.kind == "key")) == {"of run", "latest"}
    shutil.rmtree(run)
    prune(tmp_path / "cache", unused=True, is_run=is_run)
    assert {name for name, store in stores.items() if store.folder.exists()} == {"latest"}


def kept(stores: dict[str, FeatureStore], removals: object) -> set[str]:
    gone = {removal.path for removal in removals}  # type: ignore[attr-defined]
    return {name for name, store in stores.items() if store.folder not in gone}


def test_prune_removes_items_whose_video_is_gone_or_changed(
    tmp_path: Path, store: FeatureStore, make_maps: Callable
) -> None:
    items = []
    for name in ("stays", "changes", "goes"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        (folder / "0.jpg").write_text(name)
        items.append(item_of([folder / "0.jpg"]))
        store.write(items[-1], make_maps(), {"source": str(folder), "frames": ["0.jpg"]})
    store.mark_used(tmp_path / "data")
    (tmp_path / "data/changes/0.jpg").write_text("other")
    shutil.rmtree(tmp_path / "data/goes")
    report = prune(store.root, unused=True, is_run=is_run)
    assert {removal.reason.split(":")[0] for removal in report.removals} == {
        "frames changed",
        "video gone",
    }
    assert list(store.items()) == [items[0]]


def test_export_reads_the_same(filled: FeatureStore, text: TextStore, tmp_path: Path) -> None:
    out = tmp_path / "new" / "cache.h5"
    assert export_h5(out, filled, text) == out.stat().st_size
    packed, sentences = PackedFeatures(out, filled.key), PackedText(out, text.key)
    assert packed.has(ITEMS[0]) and not packed.has("ef" * 32)
    for frames, levels in (([3, 0, 0], None), ([1], [2, 0])):
        expected = filled.read(ITEMS[1], frames, levels)
        for one, other in zip(packed.read(ITEMS[1], frames, levels), expected, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            np.testing.assert_array_equal(dequantise(one), dequantise(other))
    np.testing.assert_array_equal(sentences.read(" a  dog")[0], text.read("a dog")[0])
    with pytest.raises(MissingError, match="'a cat'"):
        sentences.read("a cat")
    with pytest.raises(MissingError, match="no item efef"):
        packed.read("ef" * 32, [0])
    with pytest.raises(IndexError):
        packed.read(ITEMS[0], [3])
    with pytest.raises(MissingError, match="other settings"):
        PackedFeatures(out, replace(filled.key, extractor=9)).has(ITEMS[0])
    assert [path.name for path in out.parent.iterdir()] == ["cache.h5"]


def test_export_of_fp16(tmp_path: Path, key: FeatureKey, make_maps: Callable) -> None:
    store = FeatureStore(tmp_path, replace(key, stored="fp16"))
    store.write(ITEMS[0], make_maps(20), {})
    export_h5(tmp_path / "x.h5", store, None)
    (level,) = PackedFeatures(tmp_path / "x.h5", store.key).read(ITEMS[0], [19], [1])
    np.testing.assert_array_equal(level.values, make_maps(20)[1][19:].astype(np.float16))


@pytest.mark.parametrize("stored_type", ["uint6", "uint4-6-8-8"])
def test_export_of_packed_maps(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, stored_type: str
) -> None:
    store = FeatureStore(tmp_path, replace(key, stored=stored_type))
    store.write(ITEMS[0], make_maps(20), {})
    export_h5(tmp_path / "x.h5", store, None)
    found = PackedFeatures(tmp_path / "x.h5", store.key).read(ITEMS[0], [19, 2])
    for one, other in zip(found, store.read(ITEMS[0], [19, 2]), strict=True):
        assert one.packed == other.packed
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(dequantise(one), dequantise(other))


def test_export_refusals(filled: FeatureStore, tmp_path: Path, key: FeatureKey) -> None:
    out = tmp_path / "cache.h5"
    out.touch()
    with pytest.raises(UsageError, match="will not overwrite"):
        export_h5(out, filled, None)
    out.unlink()
    with pytest.raises(MissingError, match="nothing to export"):
        export_h5(out, FeatureStore(filled.root, replace(key, extractor=9)), None)
    with files_up_to(3000), pytest.raises(FsrvosError, match="no space left"):
        export_h5(out, filled, None)
    flip(filled.item_folder(ITEMS[0]) / "level4/values/c.1.0.0.0")
    with pytest.raises(CacheIntegrityError, match=ITEMS[0]):
        export_h5(out, filled, None)
    assert not out.exists()


def test_a_damaged_export_is_named(filled: FeatureStore, tmp_path: Path) -> None:
    out = tmp_path / "cache.h5"
    export_h5(out, filled, None)
    with h5py.File(out) as file:
        chunk = file[f"features/{ITEMS[0]}/level4/values"].id.get_chunk_info(1)
    data = bytearray(out.read_bytes())
    data[chunk.byte_offset + 3] ^= 1
    out.write_bytes(data)
    packed = PackedFeatures(out, filled.key)
    packed.read(ITEMS[0], [0])
    with pytest.raises(CacheIntegrityError, match=f"item {ITEMS[0]}"):
        packed.read(ITEMS[0], [1])
    out.unlink()
    out.write_bytes(b"rubbish")
    with pytest.raises(CacheIntegrityError, match="export it again"):
        PackedFeatures(out, filled.key).has(ITEMS[0])


def test_info_of_a_key_without_items(store: FeatureStore) -> None:
    claim = store.claim(ITEMS[0])
    assert claim is not None
    claim.release()
    assert info(find_key(store.root, store.key.digest)).bytes_per_frame == 0
