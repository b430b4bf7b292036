"""Extraction to an object store, and what training reads from there."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cache import place_of
from cache.export import PackedFeatures
from cache.inventory import list_keys
from configs import Config, load_config
from fsrvos_cli.main import run
from stages.data.index import load_dataset
from stages.features import FeaturesReport, extract
from stages.feeding.cached import CachedFeatures

VIDEOS, FRAMES = 8, 3


def quiet(iterable: Iterator[object], **_: object) -> Iterator[object]:
    return iterable


def fill(config: Config, data: Path, cache: str, layout: str = "chunks") -> FeaturesReport:
    return extract(
        config=config, data_root=data, fold=1, cache_root=cache, layout=layout, progress=quiet
    )


def read_all(config: Config, data: Path, cache: str) -> list[bytes]:
    """What training would read of every video and sentence."""
    source = CachedFeatures(config, load_dataset(data), cache)
    videos = sorted(source.dataset.videos)
    source.prepare(videos)
    read = [source.maps(video, [2, 0, 1]) for video in videos]
    words = [
        source.text(said.text)[0].tobytes()
        for video in videos
        for said in source.dataset.videos[video].expressions
    ]
    return words + [level.values.tobytes() for levels in read for level in levels]


def test_on_s3_as_on_a_disk(config: Config, data: Path, tmp_path: Path, s3: str) -> None:
    expected = fill(config, data, str(tmp_path / "cache"))
    report = fill(config, data, s3, "shards")
    assert (report.frames, report.text_misses) == (expected.frames, expected.text_misses)
    assert report.free_bytes is None and "GB free" not in report.table()
    assert read_all(config, data, s3) == read_all(config, data, str(tmp_path / "cache"))
    again = fill(config, data, s3)
    assert (again.hits, again.misses, again.frames, again.text_misses) == (VIDEOS, 0, 0, 0)


def test_both_layouts_are_one_cache(config: Config, data: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    fill(load_config("tiny", []), data, cache)
    plain = read_all(config, data, cache)
    (entry,) = [entry for entry in list_keys(cache) if entry.kind == "features"]
    store = entry.feature_store()
    lost = next(store.items())
    for path in Path(str(store.item_folder(lost))).rglob("done.json"):
        path.unlink()
    again = fill(config, data, cache, "shards")
    assert again.misses == 1
    assert sorted(record.layout for record in entry.records()) == ["chunks"] * 7 + ["shards"]
    assert read_all(config, data, cache) == plain


@pytest.mark.slow
def test_the_commands_take_a_url(
    config: Config,
    data: Path,
    tmp_path: Path,
    s3: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(config, data, s3, "shards")
    monkeypatch.setenv("FSRVOS_CACHE", s3)

    def answer(*arguments: str, code: int = 0) -> str:
        assert run(["cache", *arguments]) == code
        return capsys.readouterr().out

    assert answer("path") == f"{s3}\n"
    listed = answer("ls")
    assert f"{VIDEOS} videos, {VIDEOS * FRAMES} frames" in listed
    (key,) = [line.split()[0] for line in listed.splitlines() if "videos" in line]
    assert json.loads(answer("info", key, "--json"))["entries"] == VIDEOS
    answer("verify", "--deep")
    out = tmp_path / "cache.h5"
    answer("export", key, str(out))
    (entry,) = [entry for entry in list_keys(place_of(s3)) if entry.kind == "features"]
    store = entry.feature_store()
    item = next(store.items())
    (packed, *_) = PackedFeatures(out, store.key).read(item, [1])
    np.testing.assert_array_equal(packed.values, store.read(item, [1])[0].values)
    damaged = store.item_folder(item) / store.record(item).folder / "level8/values/c.0.0.0.0"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")  # type: ignore[union-attr]
    assert item in answer("verify", "--deep", code=3)
    assert item in answer("prune")
    again = fill(config, data, s3)
    assert (again.hits, again.misses) == (VIDEOS - 1, 1)
    answer("verify", "--deep")


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("s3://no-such-bucket-here/x", 4, "no such bucket: s3://no-such-bucket-here;"),
        ("nonsense://x", 2, "Protocol not known: nonsense"),
    ],
)
def test_a_url_that_cannot_be_opened(
    data: Path, s3: str, capsys: pytest.CaptureFixture[str], url: str, code: int, said: str
) -> None:
    arguments = ["--data", str(data), "--config", "tiny", "--cache-dir", url]
    assert run(["features", *arguments]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0]
