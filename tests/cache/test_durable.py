"""Replacing files and folders, and errors in one line."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.durable import abandoned, explained, put_folder, replace_file, temporary_name
from configs import FsrvosError


def test_replacing_is_all_or_nothing(tmp_path: Path, file_size_limit: Callable) -> None:
    path = tmp_path / "a"
    replace_file(path, b"old")
    with file_size_limit(10), pytest.raises(OSError):
        replace_file(path, b"x" * 100)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_put_folder_replaces(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    put_folder(tmp_path / "new", tmp_path / "old", tmp_path / "trash")
    assert (tmp_path / "old" / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left for the cache: /c/x; free some (fsrvos cache prune)"),
        (errno.EDQUOT, "no space left for the cache: /c/x; free some"),
        (errno.EACCES, "permission denied: /c/x; make it writable or choose another"),
        (errno.EROFS, "read-only file system: /c/x; make it writable or choose another"),
    ],
)
def test_os_errors_say_what_where_and_what_to_do(number: int, words: str) -> None:
    with pytest.raises(FsrvosError) as caught, explained("write to the cache", Path("/c")):
        raise OSError(number, os.strerror(number), "/c/x")
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert "FSRVOS_CACHE" in str(caught.value)


def test_temporary_names_tell_whether_their_maker_lives(tmp_path: Path) -> None:
    mine = tmp_path / temporary_name("item")
    mine.touch()
    assert not abandoned(mine)
    parts = mine.name.split(".")
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    dead = tmp_path / ".".join([*parts[:-2], str(child), parts[-1]])
    dead.touch()
    assert abandoned(dead)
    foreign = tmp_path / "item.elsewhere.1.abcd"
    foreign.touch()
    assert not abandoned(foreign)
    os.utime(foreign, (0, 0))
    assert abandoned(foreign)
