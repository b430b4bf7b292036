"""Folders that take their place when they are whole, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from cache.whole_folder import replace_folder, require_replaceable
from configs.errors import FsrvosError, UsageError

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
    with replace_folder(out, NAMES) as folder:
        assert folder.parent == out.parent
        fill(folder, "one")
        (folder / "masks/b.png").write_text("one")
        assert not out.exists()
    with replace_folder(out, NAMES) as folder:
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
        with replace_folder(out, NAMES) as folder:
            fill(folder, "one")
    before = tree(tmp_path)
    with pytest.raises(error), replace_folder(out, NAMES) as folder:
        fill(folder, "two")
        raise error
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if former else [])


def test_an_empty_folder_is_replaced_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    with replace_folder(link, NAMES) as folder:
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
    with pytest.raises(UsageError, match="holiday"), replace_folder(out, NAMES):
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
        replace_folder(tmp_path / "file" / "out", NAMES),
    ):
        raise AssertionError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_exchange_brings_the_former_result_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with replace_folder(out, NAMES) as folder:
        fill(folder, "one")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with (
        pytest.raises(FsrvosError, match=r"out: cannot be written \(No space left"),
        replace_folder(out, NAMES) as folder,
    ):
        fill(folder, "two")
    assert tree(tmp_path) == {"out/masks/a.png": "one", "out/scores.json": "one"}
