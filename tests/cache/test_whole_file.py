from __future__ import annotations

import os
from pathlib import Path

import pytest

from cache.whole_file import replace_text
from configs.errors import FsrvosError


def test_text_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.txt"
    replace_text(path, "old")
    replace_text(path, "±")
    assert path.read_bytes() == b"\xc2\xb1"
    assert [p.name for p in path.parent.iterdir()] == ["page.txt"]


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "page.txt"
    replace_text(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        FsrvosError, match=r"page\.txt: cannot be written \(No space left"
    ) as caught:
        replace_text(path, "new")
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.txt"]


def test_a_file_where_a_folder_is_due(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FsrvosError, match="cannot be written"):
        replace_text(tmp_path / "file" / "page.txt", "text")
