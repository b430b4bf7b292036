"""Where the cache lies, by the environment and by what is given."""

from pathlib import Path

import pytest

from cache import ObjectPath, default_root, place_of
from cache.location import local_side, staging_of


def test_the_environment_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_root() == Path("work/cache")
    monkeypatch.setenv("FSRVOS_WORK", "/elsewhere")
    monkeypatch.setenv("WORK", "/ignored")
    assert default_root() == Path("/elsewhere/cache")
    monkeypatch.setenv("FSRVOS_CACHE", "fast/disk")
    assert default_root() == Path("fast/disk")
    monkeypatch.setenv("FSRVOS_CACHE", "s3://bucket/prefix/")
    assert default_root() == ObjectPath("s3://bucket/prefix")


def test_only_a_url_is_an_object_store() -> None:
    assert place_of("cache.h5") == Path("cache.h5")
    assert place_of("file:///a/b") == Path("/a/b")
    assert place_of(Path("a")) == Path("a")
    assert place_of("memory://a/b/") == ObjectPath("memory://a/b")


def test_each_object_store_has_a_folder_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSRVOS_WORK", "/w")
    one, other = local_side(place_of("s3://b/one")), local_side(place_of("s3://b/other"))
    assert one != other and one.parent == other.parent == Path("/w/remote")
    assert staging_of(place_of("s3://b/one") / "key") == one / "key/tmp"
    assert local_side(Path("cache")) == Path("cache")
    assert staging_of(Path("cache/key")) == Path("cache/key/tmp")


def test_a_place_is_named_like_a_path() -> None:
    place = ObjectPath("s3://b/one")
    assert (place / "x/y").name == "y" and (place / "x").parent == place == place.absolute()
    assert place / "" == place and str(place / "x") == "s3://b/one/x"
    assert len({place, ObjectPath("s3://b/one"), place / "x"}) == 2


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert place_of(f"file://{tmp_path}/cache") == tmp_path / "cache"
    assert place_of("some/folder") == Path("some/folder")
