"""Files and folders that take their place when they are whole, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cache.whole import (
    is_abandoned,
    replace_bytes,
    replace_text,
    require_replaceable,
    temporary_name,
    whole_file,
    whole_folder,
)
from configs.errors import FsrvosError, UsageError
from tests.full_disk import files_up_to

NAMES = ("masks", "scores.json")


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fill(folder: Path, text: str) -> None:
    (folder / "masks").mkdir()
    (folder / "masks/a.png").write_text(text)
    (folder / "scores.json").write_text(text)


def test_it_appears_at_the_end_and_replaces_a_former_result(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with whole_folder(out, NAMES) as folder:
        assert folder.parent == out.parent
        fill(folder, "one")
        (folder / "masks/b.png").write_text("one")
        assert not out.exists()
    with whole_folder(out, NAMES) as folder:
        fill(folder, "two")
        assert tree(out)["scores.json"] == "one"
    assert tree(out) == {"masks/a.png": "two", "scores.json": "two"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
@pytest.mark.parametrize("former", [True, False])
def test_an_exception_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], former: bool
) -> None:
    out = tmp_path / "out"
    if former:
        with whole_folder(out, NAMES) as folder:
            fill(folder, "one")
    before = tree(tmp_path)
    with pytest.raises(error), whole_folder(out, NAMES) as folder:
        fill(folder, "two")
        raise error
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if former else [])


def test_an_empty_folder_is_replaced_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    with whole_folder(link, NAMES) as folder:
        fill(folder, "one")
    assert link.is_symlink()
    assert tree(tmp_path / "real") == {"masks/a.png": "one", "scores.json": "one"}


def test_what_a_user_keeps_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "scores.json").write_text("former")
    (out / "holiday.jpg").write_text("precious")
    with pytest.raises(UsageError, match=r"out holds holiday\.jpg") as caught:
        require_replaceable(out, NAMES)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="holiday"), whole_folder(out, NAMES):
        raise AssertionError
    assert tree(out) == {"scores.json": "former", "holiday.jpg": "precious"}


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is a file"):
        require_replaceable(tmp_path / "file", NAMES)
    with pytest.raises(UsageError, match="mount point"):
        require_replaceable(Path("/"), NAMES)
    with (
        pytest.raises(FsrvosError, match="cannot be written"),
        whole_folder(tmp_path / "file" / "out", NAMES),
    ):
        raise AssertionError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_exchange_brings_the_former_result_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with whole_folder(out, NAMES) as folder:
        fill(folder, "one")
    rename, refused = Path.rename, list[Path]()

    def refuse(self: Path, target: Path) -> Path:
        if target == out and not refused:
            refused.append(self)
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with (
        pytest.raises(FsrvosError, match=r"out: cannot be written \(No space left"),
        whole_folder(out, NAMES) as folder,
    ):
        fill(folder, "two")
    assert tree(tmp_path) == {"out/masks/a.png": "one", "out/scores.json": "one"}


def test_text_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.txt"
    replace_text(path, "old")
    replace_text(path, "±")
    assert path.read_bytes() == b"\xc2\xb1"
    assert [p.name for p in path.parent.iterdir()] == ["page.txt"]


@pytest.mark.parametrize("limit", [0, 10])
def test_a_full_disk_keeps_what_was_there(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "page.txt"
    replace_text(path, "old")
    with (
        files_up_to(limit),
        pytest.raises(FsrvosError, match=r"page\.txt: cannot be written \(No space left") as caught,
    ):
        replace_bytes(path, b"x" * 100)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.txt"]


def test_a_file_where_a_folder_is_due(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FsrvosError, match="cannot be written"):
        replace_text(tmp_path / "file" / "page.txt", "text")


def test_a_callers_own_failure_is_not_the_places(tmp_path: Path) -> None:
    for whole in (whole_file(tmp_path / "a"), whole_folder(tmp_path / "b", ())):
        with pytest.raises(FileNotFoundError) as caught, whole:
            (tmp_path / "source").read_bytes()
        assert not isinstance(caught.value, FsrvosError)
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_of_a_folder_is_removed(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    mine = temporary_name(".out")
    dead = mine.replace(f".{os.getpid()}.", f".{child}.")
    others = {mine, temporary_name(".out2").replace(f".{os.getpid()}.", f".{child}.")}
    for name in (dead, *others):
        (tmp_path / name).mkdir()
    with whole_folder(tmp_path / "out", ()):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"out", *others}


def test_temporary_names_tell_whether_their_maker_lives() -> None:
    assert not is_abandoned(temporary_name("item"), written=0.0)
    assert not is_abandoned("item.elsewhere.1.abcd", written=time.time())
    assert is_abandoned("item.elsewhere.1.abcd", written=0.0)
