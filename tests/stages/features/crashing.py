"""Run by test_crashes.py: extractions in forked children, killed or side by side.

    crashing.py kill  DATA FOLDER ROUNDS SEED LAYOUT  kill -9 at random moments, checking after each
    crashing.py objects DATA FOLDER ROUNDS SEED URL    the same with a cache in an object store
    crashing.py race  DATA FOLDER PROCESSES     all at once; prints the frames each one encoded

One process imports torch and forks, so that a round takes a fraction of a second.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from cache import Place, place_of
from cache.inventory import list_keys
from cache.location import local_side
from cache.prune import prune
from cache.verify import verify
from configs import load_config
from stages.features import extract


def quiet(iterable: object, **_: object) -> object:
    return iterable


def fill(data: Path, cache: Place, layout: str = "chunks") -> int:
    config = load_config("tiny", ["features.batch_frames=4"])
    report = extract(
        config=config, data_root=data, fold=1, cache_root=cache, layout=layout, progress=quiet
    )
    return report.frames


def forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:
        sys.stderr.write(f"child: {error!r}\n")
        os._exit(1)
    os._exit(0)


def chunks(cache: Place) -> dict[str, object]:
    """The checksums of every readable item of the features key; no item may be damaged."""
    found = {}
    for entry in list_keys(cache):
        if entry.kind == "features":
            store = entry.feature_store()
            for item in store.items():
                assert store.faults(item, deep=True) == [], item
                found[item] = store.record(item).levels
        else:
            assert entry.text_store().check() == []
    return found


def kill(data: Path, folder: Path, rounds: int, seed: int, layout: str) -> None:
    moments = random.Random(seed)
    begun = time.monotonic()
    assert os.waitpid(forked(lambda: fill(data, folder / "whole")), 0)[1] == 0
    duration = time.monotonic() - begun
    expected = chunks(folder / "whole")
    cache = folder / "killed"
    killed = partly = 0
    while killed < rounds:
        child = forked(lambda: fill(data, cache, layout))
        time.sleep(moments.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
        found = chunks(cache)
        assert found.items() <= expected.items()
        partly += 0 < len(found) < len(expected)
        if len(found) == len(expected):
            shutil.rmtree(cache)
    assert os.waitpid(forked(lambda: fill(data, cache, layout)), 0)[1] == 0
    # The records of both layouts hold the same checksums of the same chunks.
    assert chunks(cache) == expected
    prune(cache)
    rubbish = [*cache.glob("*/tmp/*"), *cache.glob("*/claims/*"), *cache.glob("*/.*")]
    assert rubbish == [] and not list(cache.glob(".*")), rubbish
    assert verify(cache, deep=True).faults == ()
    sys.stdout.write(f"{partly}\n")


def objects(data: Path, folder: Path, rounds: int, seed: int, url: str) -> None:
    """Connections do not survive a fork, so only children talk to the store."""
    moments = random.Random(seed)
    cache = place_of(url)
    assert os.waitpid(forked(lambda: fill(data, folder / "whole")), 0)[1] == 0
    expected = chunks(folder / "whole")
    begun = time.monotonic()
    assert os.waitpid(forked(lambda: fill(data, cache / "timed")), 0)[1] == 0
    duration = time.monotonic() - begun
    reader, writer = os.pipe()

    def count(place: Place) -> None:
        found = chunks(place)
        assert found.items() <= expected.items()
        os.write(writer, f"{len(found):3}".encode())

    def finish(place: Place) -> None:
        fill(data, place)
        assert chunks(place) == expected
        prune(place)
        for entry in list_keys(place):
            for item in entry.items():
                folder = entry.folder / "items" / item
                named = {"done.json", entry.feature_store().record(item).folder}
                assert {path.name for path in folder.iterdir()} == named
        assert not list(local_side(place).glob("*/tmp/*"))
        assert verify(place, deep=True).faults == ()

    killed = partly = attempt = 0
    while killed < rounds:
        place = cache / f"killed{attempt}"
        child = forked(partial(fill, data, place))
        # From the first third on: before that, nothing is uploaded yet.
        time.sleep(moments.uniform(duration / 3, duration))
        os.kill(child, signal.SIGKILL)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
        assert os.waitpid(forked(partial(count, place)), 0)[1] == 0
        found = int(os.read(reader, 3))
        partly += 0 < found < len(expected)
        attempt += found == len(expected)
    assert os.waitpid(forked(partial(finish, place)), 0)[1] == 0
    sys.stdout.write(f"{partly}\n")


def race(data: Path, folder: Path, processes: int) -> None:
    reader, writer = os.pipe()

    def work() -> None:
        os.write(writer, f"{fill(data, folder / 'race')}\n".encode())

    children = [forked(work) for _ in range(processes)]
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    os.close(writer)
    assert verify(folder / "race", deep=True).faults == ()
    assert not list((folder / "race").glob("*/tmp/*"))
    sys.stdout.write(os.read(reader, 1000).decode())


if __name__ == "__main__":
    torch.set_num_threads(1)
    mode, *paths = sys.argv[1:4]
    rest = [int(word) if word.isdigit() else word for word in sys.argv[4:]]
    work: Callable[..., None] = {"kill": kill, "objects": objects, "race": race}[mode]
    work(*map(Path, paths), *rest)
