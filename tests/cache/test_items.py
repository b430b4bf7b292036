"""Items are named by bytes; the index only saves reading them."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

import cache.items
from cache import ItemIndex
from cache.items import item_of
from configs import DataError, MissingError


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Three files, old enough to be indexed."""
    folder = tmp_path / "video"
    folder.mkdir()
    paths = [folder / f"{i}.jpg" for i in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 10)
    return paths


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ItemIndex:
    monkeypatch.setattr(cache.items, "RACY_NANOSECONDS", -(10**12))
    return ItemIndex(tmp_path / "cache")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every call that reads the bytes of a video."""
    calls: list[object] = []
    real = item_of

    def counted(paths: list[Path]) -> str:
        calls.append(paths)
        return real(paths)

    monkeypatch.setattr(cache.items, "item_of", counted)
    return calls


def test_names_do_not_matter_but_order_and_bytes_do(frames: list[Path], tmp_path: Path) -> None:
    item = item_of(frames)
    renamed = [path.rename(tmp_path / f"other{path.name}") for path in frames]
    assert item_of(renamed) == item
    assert item_of(renamed[::-1]) != item
    assert item_of(renamed[:2]) != item
    renamed[1].write_bytes(b"\1" * 9 + b"\2")
    assert item_of(renamed) != item


def test_a_boundary_between_frames_matters(tmp_path: Path) -> None:
    for name, data in {"a": b"xy", "b": b"z", "c": b"x", "d": b"yz"}.items():
        (tmp_path / name).write_bytes(data)
    assert item_of([tmp_path / "a", tmp_path / "b"]) != item_of([tmp_path / "c", tmp_path / "d"])


def test_unchanged_files_are_read_once(
    index: ItemIndex, frames: list[Path], reads: list[object]
) -> None:
    first = index.items({"v": frames})
    assert first == {"v": item_of(frames)}
    assert index.items({"v": frames}) == first
    assert ItemIndex(index.path.parent).items({"v": frames}) == first
    assert len(reads) == 1


def test_a_change_that_keeps_size_and_mtime_is_seen(
    index: ItemIndex, frames: list[Path], reads: list[object]
) -> None:
    first = index.items({"v": frames})
    before = frames[1].stat()
    time.sleep(0.02)
    frames[1].write_bytes(b"\7" * 10)
    os.utime(frames[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert frames[1].stat().st_mtime_ns == before.st_mtime_ns
    assert index.items({"v": frames}) != first
    assert len(reads) == 2


def test_files_just_written_are_read_again(frames: list[Path], tmp_path: Path, reads: list) -> None:
    index = ItemIndex(tmp_path / "cache")
    index.items({"v": frames})
    index.items({"v": frames})
    assert len(reads) == 2


@pytest.mark.parametrize("content", [b"not a database", b""])
def test_a_broken_index_costs_time_only(
    index: ItemIndex, frames: list[Path], content: bytes
) -> None:
    index.path.parent.mkdir()
    index.path.write_bytes(content)
    assert index.items({"v": frames}) == {"v": item_of(frames)}


def test_a_locked_index_costs_time_only(
    index: ItemIndex, frames: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    index.items({"v": frames})
    monkeypatch.setattr(cache.items, "LOCK_SECONDS", 0.01)
    other = sqlite3.connect(index.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert index.items({"v": frames}) == {"v": item_of(frames)}
    other.close()


def test_missing_and_unreadable_frames(index: ItemIndex, frames: list[Path]) -> None:
    with pytest.raises(MissingError, match=r"no such frame: .*gone.jpg"):
        index.items({"v": [*frames, frames[0].with_name("gone.jpg")]})
    with pytest.raises(DataError, match="cannot read a frame"):
        item_of([frames[0].parent])


def test_sources_are_remembered(index: ItemIndex) -> None:
    assert index.previous(["/a"]) == {}
    index.remember({"/a": "1", "/b": "2"})
    index.remember({"/a": "3"})
    assert index.previous(["/a", "/b", "/c"]) == {"/a": "3", "/b": "2"}
