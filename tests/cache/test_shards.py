"""Shards: one file an array, the same values, every chunk still held against its checksum."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from cache import FeatureKey, FeatureStore, dequantise, quantise
from cache.export import PackedFeatures, export_h5
from cache.verify import verify
from configs import CacheIntegrityError

ITEM = "ab" * 32
VALUES = "level4/values/c.0.0.0.0"
FRAME_BYTES = 3 * 12 * 20 + 4


@pytest.fixture
def store(tmp_path: Path, key: FeatureKey) -> FeatureStore:
    return FeatureStore(tmp_path / "cache", key, {"numpy": "2"}, layout="shards")


def damage(path: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def flip(at: int) -> Callable[[bytearray], object]:
    return lambda data: data.__setitem__(at, data[at] ^ 0x10)


@pytest.mark.parametrize("stored_type", ["uint8", "uint6", "uint4-6-8-8", "fp16", "fp32"])
@pytest.mark.parametrize("frames", [1, 16, 35])
def test_both_layouts_hold_the_same_bytes(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, stored_type: str, frames: int
) -> None:
    key = replace(key, stored=stored_type)
    maps = make_maps(frames)
    stores = {
        layout: FeatureStore(tmp_path / layout, key, layout=layout)
        for layout in ("chunks", "shards")
    }
    for store in stores.values():
        store.write(ITEM, maps, {})
        assert store.faults(ITEM, deep=True) == []
        assert store.record(ITEM).layout == store.layout
    # A store reads both: the layout is the item's, not the reader's.
    plain, packed = (
        FeatureStore(tmp_path / layout, key).read(ITEM, [frames - 1, 0, frames // 2])
        for layout in stores
    )
    for one, other in zip(plain, packed, strict=True):
        assert one.values.tobytes() == other.values.tobytes()
        np.testing.assert_array_equal(dequantise(one), dequantise(other))
    values = [
        zarr.open_group(store.item_folder(ITEM), mode="r")["level8/values"][:]
        for store in stores.values()
    ]
    assert values[0].tobytes() == values[1].tobytes()


def test_zarr_alone_reads_it(store: FeatureStore, make_maps: Callable) -> None:
    maps = make_maps(20)
    store.write(ITEM, maps, {})
    group = zarr.open_group(store.item_folder(ITEM), mode="r")
    for name, level in zip(("level4", "level8", "level16", "level32"), maps, strict=True):
        found = group[name]
        assert found["values"].shards == level.shape
        assert found["values"].chunks == (1, *level.shape[1:])
        for frame in (19, 0):
            restored = found["values"][frame].astype(np.float32)
            restored = restored * found["scale"][frame][:, None, None]
            restored += found["offset"][frame][:, None, None]
            np.testing.assert_array_equal(restored, dequantise(quantise(level))[frame])


def test_what_zarr_writes_is_what_this_program_writes(
    store: FeatureStore, make_maps: Callable, tmp_path: Path
) -> None:
    """zarr-python, told to shard the same array, orders chunks as it likes; ours reads them all."""
    store.write(ITEM, make_maps(5), {})
    array = zarr.open_group(store.item_folder(ITEM), mode="r")["level4/values"]
    twin = zarr.create_array(
        tmp_path / "twin",
        shape=array.shape,
        dtype=array.dtype,
        chunks=array.chunks,
        shards=array.shards,
        compressors=zarr.codecs.Crc32cCodec(),
    )
    twin[:] = array[:]
    made = (tmp_path / "twin/c/0/0/0/0").read_bytes()
    ours = (store.item_folder(ITEM) / VALUES).read_bytes()
    assert len(made) == len(ours) == 5 * FRAME_BYTES + 5 * 16 + 4
    chunks = [
        sorted(part[i * FRAME_BYTES :][:FRAME_BYTES] for i in range(5)) for part in (made, ours)
    ]
    assert chunks[0] == chunks[1]


def test_one_file_an_array(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(35), {})
    files = [path for path in store.item_folder(ITEM).rglob("c.*") if path.is_file()]
    assert len(files) == 4 * 3
    record = store.record(ITEM)
    assert record.nbytes == sum(
        path.stat().st_size
        for path in store.item_folder(ITEM).rglob("*")
        if path.is_file() and path.name != "done.json"
    )


def test_frames_may_come_in_any_order(store: FeatureStore, make_maps: Callable) -> None:
    maps = make_maps(5)
    with store.writer(ITEM, 5) as writer:
        for start, end in ((3, 5), (0, 1), (1, 3)):
            writer.add(start, [quantise(level[start:end]) for level in maps])
        writer.commit({})
    for level, found in zip(maps, store.read(ITEM, range(5)), strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(level)))


def test_a_flipped_bit_is_named_and_other_frames_are_read(
    store: FeatureStore, make_maps: Callable
) -> None:
    store.write(ITEM, make_maps(5), {})
    damage(store.item_folder(ITEM) / VALUES, flip(2 * FRAME_BYTES + 7))
    fresh = FeatureStore(store.root, store.key)
    fresh.read(ITEM, [0, 1, 3, 4])
    with pytest.raises(
        CacheIntegrityError, match=f"{ITEM} is damaged: {VALUES}: chunk 2: checksum"
    ):
        fresh.read(ITEM, [1, 2])
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(store.item_folder(ITEM), mode="r")["level4/values"][2]
    assert not fresh.has(ITEM)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (flip(2 * FRAME_BYTES + 7), f"{VALUES}: chunk 2: checksum differs"),
        (flip(3 * FRAME_BYTES - 1), f"{VALUES}: chunk 2: checksum differs"),
        (flip(5 * FRAME_BYTES + 3), f"{VALUES}: index differs"),
        (lambda data: data.__delitem__(-1), f"{VALUES}: 3703 bytes where 3704 belong"),
        (lambda data: data.extend(b"x"), f"{VALUES}: 3705 bytes where 3704 belong"),
    ],
)
def test_deep_names_every_kind_of_damage(
    store: FeatureStore, make_maps: Callable, change: Callable, fault: str
) -> None:
    store.write(ITEM, make_maps(5), {})
    path = store.item_folder(ITEM) / VALUES
    before = path.stat()
    damage(path, change)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = verify(store.root, deep=True)
    assert [(found.item, found.fault) for found in report.faults] == [(ITEM, fault)]


@pytest.mark.parametrize("kept", [0, FRAME_BYTES - 1, FRAME_BYTES + 10])
def test_a_truncated_shard(store: FeatureStore, make_maps: Callable, kept: int) -> None:
    store.write(ITEM, make_maps(5), {})
    damage(store.item_folder(ITEM) / VALUES, lambda data: data.__delitem__(slice(kept, None)))
    with pytest.raises(CacheIntegrityError, match=f"{VALUES}: {kept} bytes where 3704 belong"):
        store.read(ITEM, [1])
    assert FeatureStore(store.root, store.key).faults(ITEM)


def test_a_missing_shard(store: FeatureStore, make_maps: Callable) -> None:
    store.write(ITEM, make_maps(5), {})
    (store.item_folder(ITEM) / VALUES).unlink()
    assert store.faults(ITEM) == [f"{VALUES}: missing"]
    with pytest.raises(CacheIntegrityError, match=f"{VALUES}: missing"):
        store.read(ITEM, [4])


def test_export_reads_shards(store: FeatureStore, make_maps: Callable, tmp_path: Path) -> None:
    store.write(ITEM, make_maps(20), {})
    export_h5(tmp_path / "x.h5", store, None)
    (level,) = PackedFeatures(tmp_path / "x.h5", store.key).read(ITEM, [19], [1])
    (same,) = store.read(ITEM, [19], [1])
    np.testing.assert_array_equal(level.values, same.values)


def test_an_unknown_layout_is_refused(tmp_path: Path, key: FeatureKey) -> None:
    with pytest.raises(ValueError, match="unknown layout 'tar': one of chunks, shards"):
        FeatureStore(tmp_path, key, layout="tar").writer(ITEM, 1)
