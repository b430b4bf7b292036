"""Sending bundles, and sending again what died, on a cluster made of this process's threads."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import stages.extraction.clusters.bundles
import stages.extraction.clusters.driver
from configs import Config, DataError, FsrvosError
from stages.extraction.clusters import Cluster
from stages.extraction.clusters.bundles import Bundle, Delivery, deliver
from stages.extraction.clusters.cluster import Connection
from stages.features import FeaturesReport, extract

VIDEOS, FRAMES = 12, 6  # of 18, six are alike


class DiedError(Exception):
    """A worker died."""


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster of two workers that are threads; what they still do is waited for at the end."""
    others = set(threading.enumerate())

    def run(work: Callable[[Any], Any], bundles: Sequence[Any]) -> Generator[Any, None, None]:
        with ThreadPoolExecutor(2) as pool:
            tasks = [pool.submit(work, bundle) for bundle in bundles]
            try:
                yield from (task.result() for task in as_completed(tasks))
            finally:
                pool.shutdown(cancel_futures=True)

    @contextmanager
    def connect(_: Cluster) -> Iterator[Connection]:
        yield Connection(run, 2, (DiedError,))

    monkeypatch.setattr(stages.extraction.clusters.driver, "connect", connect)
    yield
    for thread in set(threading.enumerate()) - others:
        thread.join(60)


@pytest.fixture
def fill(
    threads: None, tiny: Config, blocks_root: Path, tmp_path: Path
) -> Callable[..., FeaturesReport]:
    def run(**options: object) -> FeaturesReport:
        cluster = Cluster("dask", "tcp://127.0.0.1:1", "cpu")
        cache = tmp_path / "cache"
        return extract(
            config=tiny, data_root=blocks_root, fold=1, cache_root=cache, cluster=cluster, **options
        )  # type: ignore[arg-type]

    return run


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], bool]], list[int]]:
    """deaths(when): bundle n is done, but its worker dies before it tells, where when(n)."""

    def install(when: Callable[[int], bool]) -> list[int]:
        count: list[int] = []

        def dying(bundle: Bundle) -> Delivery:
            count.append(len(count))
            number = count[-1]
            done = deliver(bundle)
            if when(number):
                raise DiedError(f"worker {number} was killed")
            return done

        monkeypatch.setattr(stages.extraction.clusters.driver, "deliver", dying)
        return count

    return install


def rubbish(cache: Path) -> list[Path]:
    return [path for name in ("tmp", "claims") for path in cache.glob(f"*/{name}/*")]


def test_a_cluster_makes_the_same_bytes(
    fill: Callable[..., FeaturesReport],
    blocks_cache: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
) -> None:
    seen: list[str] = []

    def watched(videos: Iterator[str], total: int, description: str) -> Iterator[str]:
        for video in videos:
            seen.append(f"{description} {total}")
            yield video

    report = fill(progress=watched)
    assert (report.misses, report.frames) == (VIDEOS, VIDEOS * FRAMES)
    assert seen.count(f"features {VIDEOS}") == VIDEOS
    assert report.written_bytes > 0 and report.encoder_seconds > 0
    assert read_all(tmp_path / "cache") == read_all(blocks_cache)
    assert rubbish(tmp_path / "cache") == []
    assert fill().frames == 0
    assert fill(force=True).frames == VIDEOS * FRAMES
    assert read_all(tmp_path / "cache") == read_all(blocks_cache)


def test_what_dead_workers_held_is_sent_again(
    fill: Callable[..., FeaturesReport],
    deaths: Callable[[Callable[[int], bool]], list[int]],
    blocks_cache: Path,
    tmp_path: Path,
    read_all: Callable[[Path], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = deaths(lambda number: number == 3)
    report = fill()
    assert len(sent) > 8
    assert report.misses == VIDEOS
    assert read_all(tmp_path / "cache") == read_all(blocks_cache)
    assert "workers died (worker 3 was killed); sending" in capsys.readouterr().err


def test_a_cluster_that_only_dies_is_given_up(
    fill: Callable[..., FeaturesReport], deaths: Callable[[Callable[[int], bool]], list[int]]
) -> None:
    deaths(lambda _: True)
    line = r"the Dask cluster at .* finished nothing: worker \d was killed; 12 videos are left"
    with pytest.raises(FsrvosError, match=line):
        fill()


def test_bad_data_stops_the_work_as_it_does_here(
    fill: Callable[..., FeaturesReport], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Bundle) -> Delivery:
        raise DataError("frame x cannot be read")

    monkeypatch.setattr(stages.extraction.clusters.driver, "deliver", broken)
    with pytest.raises(DataError, match="frame x cannot be read"):
        fill()
    assert rubbish(tmp_path / "cache") == []


def test_an_interruption_takes_the_sign_down(
    fill: Callable[..., FeaturesReport], tmp_path: Path
) -> None:
    def interrupted(videos: Iterator[str], total: int, description: str) -> Iterator[str]:
        if description == "features":
            yield next(videos)
            raise KeyboardInterrupt
        yield from videos

    with pytest.raises(KeyboardInterrupt):
        fill(progress=interrupted)
    assert not list((tmp_path / "cache").glob("*/tmp/sender.*"))
