"""An item written byte by byte, as docs/cache.md describes it: what earlier versions wrote by hand
is read like what zarr-python writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from cache import FeatureKey, FeatureStore, dequantise, quantise
from cache.keys import digest_of
from configs import CacheIntegrityError

ITEM, FRAMES = "ab" * 32, 20
CRC32C: list[dict[str, Any]] = [
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "crc32c"},
]


def sealed(chunk: NDArray[Any]) -> tuple[bytes, int]:
    data = chunk.tobytes()
    checksum = google_crc32c.value(data)
    return data + checksum.to_bytes(4, "little"), checksum


def header(array: NDArray[Any], chunk: tuple[int, ...], shard: bool) -> dict[str, Any]:
    """zarr.json of an array."""
    count = -(-len(array) // chunk[0])
    inside = {
        "chunk_shape": chunk,
        "codecs": CRC32C,
        "index_codecs": CRC32C,
        "index_location": "end",
    }
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": array.shape,
        "data_type": array.dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": (count * chunk[0], *chunk[1:]) if shard else chunk},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": 0,
        "codecs": [{"name": "sharding_indexed", "configuration": inside}] if shard else CRC32C,
        "attributes": {},
    }


class Hand:
    """Writes one item."""

    def __init__(self, folder: Path, shard: bool) -> None:
        self.folder, self.shard = folder, shard
        self.headers: dict[str, int] = {}

    def note(self, path: str, content: object) -> None:
        data = json.dumps(content, indent=1).encode()
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)
        self.headers[path] = google_crc32c.value(data)

    def group(self, path: str, attributes: dict[str, Any]) -> None:
        body = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        self.note(f"{path}zarr.json", body)

    def array(self, path: str, array: NDArray[Any], rows: int) -> list[int]:
        """Write an array in chunks of so many rows; give their checksums."""
        chunk = (rows, *array.shape[1:])
        self.note(f"{path}/zarr.json", header(array, chunk, self.shard))
        rest = ".0" * (array.ndim - 1)
        pieces = []
        for first in range(0, len(array), rows):
            full = np.zeros(chunk, array.dtype)
            full[: len(array) - first] = array[first : first + rows]
            pieces.append(sealed(full))
        if self.shard:
            length = len(pieces[0][0])
            index = np.array([(i * length, length) for i in range(len(pieces))], "<u8")
            whole = b"".join(data for data, _ in pieces) + sealed(index)[0]
            (self.folder / path / f"c.0{rest}").write_bytes(whole)
        else:
            for number, (data, _) in enumerate(pieces):
                (self.folder / path / f"c.{number}{rest}").write_bytes(data)
        return [checksum for _, checksum in pieces]


def write(folder: Path, maps: list[NDArray[np.float32]], layout: str) -> None:
    hand = Hand(folder, layout == "shards")
    hand.group("", {"scheme": "uint8", "frames": FRAMES})
    levels = []
    for stride, level in zip((4, 8, 16, 32), maps, strict=True):
        stored = quantise(level)
        assert stored.scale is not None and stored.offset is not None
        hand.group(f"level{stride}/", {})
        levels.append(
            {
                "shape": level.shape,
                "values": hand.array(f"level{stride}/values", stored.values, 1),
                "scale": hand.array(f"level{stride}/scale", stored.scale, 16),
                "offset": hand.array(f"level{stride}/offset", stored.offset, 16),
            }
        )
    body = {
        "schema": 1,
        "item": ITEM,
        "scheme": "uint8",
        "levels": levels,
        "nbytes": 0,
        "headers": hand.headers,
        "meta": {"video": "v"},
        "provenance": {},
        "layout": layout,
    }
    (folder / "done.json").write_text(json.dumps({**body, "checksum": digest_of(body)}))


@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_an_item_of_an_earlier_version_is_read(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, layout: str
) -> None:
    maps = make_maps(FRAMES)
    store = FeatureStore(tmp_path, key)
    write(store.item_folder(ITEM), maps, layout)
    assert store.faults(ITEM, deep=True) == [] and store.has(ITEM)
    chosen = [19, 0, 7, 8]
    for level, found in zip(maps, store.read(ITEM, chosen), strict=True):
        np.testing.assert_array_equal(dequantise(found), dequantise(quantise(level[chosen])))
    path = store.item_folder(ITEM) / "level8/values" / ("c.0.0.0.0")
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    with pytest.raises(CacheIntegrityError, match="level8/values"):
        FeatureStore(tmp_path, key).read(ITEM, [0])


@pytest.mark.parametrize("layout", ["chunks", "shards"])
def test_what_is_written_now_has_the_same_bytes(
    tmp_path: Path, key: FeatureKey, make_maps: Callable, layout: str
) -> None:
    """Every chunk, and what every zarr.json says to zarr."""
    maps = make_maps(FRAMES)
    store = FeatureStore(tmp_path / "now", key, layout=layout)
    store.write(ITEM, maps, {})
    before, now = tmp_path / "before", Path(str(store.item_folder(ITEM)))
    write(before, maps, layout)

    def names(folder: Path) -> set[str]:
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}

    assert names(before) == names(now)
    for name in names(now):
        if not name.endswith(".json"):
            assert (before / name).read_bytes() == (now / name).read_bytes(), name
    groups = [zarr.open_group(folder, mode="r") for folder in (before, now)]
    assert dict(groups[0].attrs) == dict(groups[1].attrs)
    for name in ("level4/values", "level32/scale"):
        was, isnow = (group[name].metadata for group in groups)
        assert was == isnow
