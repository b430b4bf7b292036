"""The store: what is written is read, by this program and by zarr; damage is named."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache import FeatureKey, FeatureStore, dequantise, quantise
from cache.stored_types import STORED_TYPES
from configs import CacheIntegrityError, FsrvosError, MissingError
from tests.full_disk import files_up_to

ITEM = "ab" * 32


@pytest.mark.parametrize("stored_type", sorted(STORED_TYPES))
@pytest.mark.parametrize("frames", [1, 3, 16, 35])
def test_reads_what_was_written(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, stored_type: str, frames: int
) -> None:
    store = FeatureStore(tmp_path, FeatureKey(key.encoder, key.weights, {}, stored=stored_type))
    maps = make_maps(frames)
    assert not store.has(ITEM)
    store.write(ITEM, maps, {"video": "v"})
    assert store.has(ITEM) and list(store.items()) == [ITEM]
    chosen = [frames - 1, 0, frames // 2, 0]
    for number, found in enumerate(store.read(ITEM, chosen)):
        expected = quantise(maps[number][chosen], stored_type, number)
        assert found.shape == maps[number][chosen].shape
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(dequantise(found), dequantise(expected))
    assert store.record(ITEM).meta == {"video": "v"}
    assert store.faults(ITEM, deep=True) == []


@given(st.lists(st.integers(0, 19), min_size=1, max_size=6), st.sets(st.integers(0, 3), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_frames_and_levels(
    store: FeatureStore, make_maps: Callable, frames: list[int], levels: set[int]
) -> None:
    maps = make_maps(20)
    if not store.has(ITEM):
        store.write(ITEM, maps, {})
    order = sorted(levels, reverse=True)
    for number, found in zip(order, store.read(ITEM, frames, order), strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(maps[number][frames])))


def test_frames_may_come_in_any_order(store: FeatureStore, make_maps: Callable) -> None:
    maps = make_maps(5)
    with store.writer(ITEM, 5) as writer:
        for start, end in ((3, 5), (0, 1), (1, 3)):
            assert not writer.complete
            writer.add(start, [quantise(level[start:end]) for level in maps])
        assert writer.complete
        writer.commit({})
    for level, found in zip(maps, store.read(ITEM, range(5)), strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(level)))


def test_zarr_alone_reads_it(store: FeatureStore, make_maps: Callable) -> None:
    maps = make_maps(20)
    store.write(ITEM, maps, {})
    group = zarr.open_group(store.item_folder(ITEM), mode="r")
    assert group.attrs["scheme"] == "uint8"
    for name, level in zip(("level4", "level8", "level16", "level32"), maps, strict=True):
        found = group[name]
        values = found["values"][:].astype(np.float32)
        restored = values * found["scale"][:][:, :, None, None]
        restored += found["offset"][:][:, :, None, None]
        np.testing.assert_array_equal(restored, dequantise(quantise(level)))
        assert found["values"].chunks == (1, *level.shape[1:])


def documented_unpack() -> Callable[[np.ndarray, Mapping[str, int]], np.ndarray]:
    """The function that docs/cache.md gives to whoever reads a cache with zarr alone."""
    page = (Path(__file__).parents[2] / "docs/cache.md").read_text("utf-8")
    (code,) = (part.split("```")[0] for part in page.split("```python") if "def unpack" in part)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["unpack"]


@pytest.mark.parametrize("stored_type", ["uint6", "uint4", "uint4-6-8-8"])
@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_zarr_and_the_documentation_read_packed_maps(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, stored_type: str, layout: str
) -> None:
    store = FeatureStore(tmp_path, replace(key, stored=stored_type), layout=layout)
    maps = make_maps(3)
    store.write(ITEM, maps, {})
    group = zarr.open_group(store.item_folder(ITEM), mode="r")
    unpack = documented_unpack()
    for number, name in enumerate(("level4", "level8", "level16", "level32")):
        level = group[name]
        expected = quantise(maps[number], stored_type, number)
        assert (expected.packed is not None) == ("bits" in level.attrs)
        for frame in (2, 0):
            values = level["values"][frame]
            if "bits" in level.attrs:
                values = unpack(values, level.attrs)
            restored = values.astype(np.float32) * level["scale"][frame][:, None, None]
            restored += level["offset"][frame][:, None, None]
            np.testing.assert_array_equal(restored, dequantise(expected)[frame])


def flip_first(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (flip_first, "checksum differs"),
        (Path.unlink, "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "181 bytes where 184 belong"),
    ],
)
def test_damage_to_packed_maps_is_named(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, change: Callable, fault: str
) -> None:
    store = FeatureStore(tmp_path, replace(key, stored="uint6"))
    store.write(ITEM, make_maps(1), {})
    path = store.item_folder(ITEM) / "level8/values/c.0.0.0"
    # 4 channels of 6 x 10 values: 30 bytes of low bits, 15 of high bits, and the checksum.
    assert path.stat().st_size == 4 * (30 + 15) + 4
    change(path)
    with pytest.raises(CacheIntegrityError, match=fault):
        store.read(ITEM, [0])
    assert not store.has(ITEM)


def test_a_level_stored_otherwise_is_refused(
    tmp_path: Path, key: FeatureKey, make_maps: Callable
) -> None:
    store = FeatureStore(tmp_path, replace(key, stored="uint4-6-8-8"))
    with store.writer(ITEM, 1) as writer, pytest.raises(ValueError, match="level 1 is not stored"):
        writer.add(0, [quantise(level, "uint4-6-8-8", 0) for level in make_maps(1)])


def test_zarr_alone_notices_a_flipped_bit(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(), {})
    flip(store.item_folder(ITEM) / "level4/values/c.1.0.0.0")
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(store.item_folder(ITEM), mode="r")["level4/values"][:]


def flip(path: Path, at: int = 7) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def other_frame(path: Path) -> None:
    """A whole and valid chunk, but of another frame: only the record can tell."""
    shutil.copy(path.with_name(path.name.replace("c.1", "c.0")), path)


FILES = ["level4/values/c.1.0.0.0", "level32/scale/c.0.0", "level16/offset/c.0.0", "done.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [flip, truncate, empty, lengthen, Path.unlink])
def test_damage_is_named_and_never_read(
    store: FeatureStore, make_maps: Callable, name: str, damage: Callable[[Path], None]
) -> None:
    store.write(ITEM, make_maps(), {})
    store.write("cd" * 32, make_maps(), {})
    damage(store.item_folder(ITEM) / name)
    fresh = FeatureStore(store.root, store.key)
    absent = name == "done.json" and damage is Path.unlink
    assert fresh.faults(ITEM)
    with pytest.raises(MissingError if absent else CacheIntegrityError, match=ITEM):
        fresh.read(ITEM, [0, 1, 2])
    assert not fresh.has(ITEM)
    assert list(fresh.items()) == ["cd" * 32]
    assert fresh.faults("cd" * 32, deep=True) == []
    store.write(ITEM, make_maps(), {})
    assert fresh.faults(ITEM, deep=True) == [] and fresh.has(ITEM)


def test_another_frames_chunk_is_damage(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(), {})
    other_frame(store.item_folder(ITEM) / FILES[0])
    with pytest.raises(CacheIntegrityError, match="level4/values/c.1.0.0.0: checksum differs"):
        store.read(ITEM, [1])


def test_damage_is_named_where_it_cannot_be_noted(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(), {})
    flip(store.item_folder(ITEM) / FILES[0])
    with files_up_to(0), pytest.raises(CacheIntegrityError, match="checksum differs"):
        store.read(ITEM, [1])
    assert store.has(ITEM)


def test_another_items_folder_is_damage(store: FeatureStore, make_maps: Callable) -> None:
    store.write("cd" * 32, make_maps(), {})
    shutil.copytree(store.item_folder("cd" * 32), store.item_folder(ITEM))
    with pytest.raises(CacheIntegrityError, match="another item"):
        store.read(ITEM, [0])


@pytest.mark.parametrize("name", ["zarr.json", "level4/zarr.json", "level4/values/zarr.json"])
def test_a_changed_header_is_found(store: FeatureStore, make_maps: Callable, name: str) -> None:
    store.write(ITEM, make_maps(), {})
    flip(store.item_folder(ITEM) / name)
    assert store.faults(ITEM, deep=True) == [f"{name}: checksum differs"]


def test_silent_damage_is_found_only_deep(store: FeatureStore, make_maps: Callable) -> None:
    """A disk that loses a bit changes no time stamp."""
    store.write(ITEM, make_maps(), {})
    path = store.item_folder(ITEM) / FILES[0]
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.faults(ITEM) == []
    assert store.faults(ITEM, deep=True) == [f"{FILES[0]}: checksum differs"]


def test_leaving_without_commit_leaves_nothing(store: FeatureStore, make_maps: Callable) -> None:
    with pytest.raises(RuntimeError), store.writer(ITEM, 3) as writer:
        writer.add(0, [quantise(level) for level in make_maps()])
        raise RuntimeError
    assert not store.has(ITEM)
    assert list((store.folder / "tmp").iterdir()) == []


def test_incomplete_items_are_not_committed(store: FeatureStore, make_maps: Callable) -> None:
    with store.writer(ITEM, 4) as writer:
        writer.add(0, [quantise(level) for level in make_maps(3)])
        with pytest.raises(ValueError, match="not all of 4"):
            writer.commit({})
    assert not store.has(ITEM)


@pytest.mark.parametrize(("start", "count"), [(-1, 2), (2, 3), (4, 1)])
def test_frames_outside_the_item_are_refused(
    store: FeatureStore, make_maps: Callable, start: int, count: int
) -> None:
    with store.writer(ITEM, 4) as writer, pytest.raises(ValueError, match="of 4"):
        writer.add(start, [quantise(level) for level in make_maps(count)])


def test_reading_outside_the_video(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(3), {})
    for frame in (3, -1):
        with pytest.raises(IndexError, match=f"frame {frame} of 3"):
            store.read(ITEM, [frame])


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "."])
def test_an_item_never_leaves_its_folder(store: FeatureStore, name: str) -> None:
    with pytest.raises(ValueError, match="not an item"):
        store.item_folder(name)


def test_opening_and_reading_create_nothing(store: FeatureStore) -> None:
    with pytest.raises(MissingError):
        store.read(ITEM, [0])
    assert list(store.items()) == [] and not store.root.exists()


def test_key_json_says_what_the_folder_is(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(), {})
    body = json.loads((store.folder / "key.json").read_text())
    assert body["key"]["preprocessing"] == {"short_side": 48, "mean": [1]}
    assert FeatureKey(**body["key"]).digest == store.folder.name
    assert body["provenance"] == {"numpy": "2"}


def test_an_item_that_another_process_has_cannot_be_claimed(store: FeatureStore) -> None:
    first = store.claim(ITEM)
    assert first is not None and store.claim(ITEM) is None
    first.release()
    second = store.claim(ITEM)
    assert second is not None
    second.release()
    assert list((store.folder / "claims").iterdir()) == []


def test_a_cache_folder_that_is_a_file(
    tmp_path: Path, key: FeatureKey, make_maps: Callable
) -> None:
    (tmp_path / "cache").write_text("no folder")
    store = FeatureStore(tmp_path / "cache", key)
    with pytest.raises(
        FsrvosError,
        match=r"cannot write to the cache: a file is where a folder is due: .*; choose another",
    ):
        store.write(ITEM, make_maps(), {})
