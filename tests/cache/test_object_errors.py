"""Object stores that cannot be opened, reached or read: one line, and never taken for damage."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.registry import _registry as registry

from cache import FeatureKey, FeatureStore, TextKey, TextStore
from cache.inventory import list_info
from configs import FsrvosError, MissingError, UsageError

ITEM = "ab" * 32


def test_a_missing_bucket_is_named(s3: str, key: FeatureKey, make_maps: Callable) -> None:
    url = "s3://no-such-bucket/prefix"
    store = FeatureStore(url, key)
    for work in (
        lambda: store.has(ITEM),
        lambda: store.write(ITEM, make_maps(), {}),
        lambda: list_info(store.root),
        lambda: TextStore(url, TextKey("t", "0", 4)).missing(["a dog"]),
    ):
        with pytest.raises(MissingError, match="no such bucket: s3://no-such-bucket;"):
            work()


@pytest.fixture
def unreachable(s3: str, reconnect: Callable, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reconnect()
    return s3


def test_an_unreachable_server_is_named(unreachable: str, key: FeatureKey) -> None:
    store = FeatureStore(unreachable, key)
    for work in (lambda: store.has(ITEM), lambda: store.read(ITEM, [0]), lambda: store.claim(ITEM)):
        with pytest.raises(
            FsrvosError, match=r"cannot reach s3://.*127\.0\.0\.1:9.*check the addr"
        ):
            work()


def test_a_server_that_goes_away_is_no_damage(
    s3: str,
    s3_server: str,
    reconnect: Callable,
    key: FeatureKey,
    make_maps: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FeatureStore(s3, key)
    store.write(ITEM, make_maps(), {})
    store.record(ITEM)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reconnect()
    for work in (lambda: store.read(ITEM, [0]), lambda: store.faults(ITEM, deep=True)):
        with pytest.raises(FsrvosError, match="cannot reach"):
            work()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    reconnect()
    assert store.has(ITEM) and store.read(ITEM, [0])


def test_missing_credentials_are_named(
    s3: str,
    reconnect: Callable,
    key: FeatureKey,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    reconnect()
    with pytest.raises(MissingError, match="no credentials for s3://.*AWS_ACCESS_KEY_ID"):
        FeatureStore(s3, key).has(ITEM)


def test_a_missing_package_and_an_unknown_protocol_are_named(
    key: FeatureKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is imported already stays known to fsspec.
    monkeypatch.delitem(registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingError, match=r"pip install 'fsrvos\[s3\]'"):
        FeatureStore("s3://bucket/x", key).has(ITEM)
    with pytest.raises(UsageError, match="Protocol not known: nonsense"):
        FeatureStore("nonsense://bucket/x", replace(key, extractor=2)).has(ITEM)
