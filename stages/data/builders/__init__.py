"""Few-shot benchmarks and test sets out of raw datasets: `fsrvos data build NAME SOURCE OUT`.

The authors of the few-shot task publish their benchmarks as downloads (`release` takes those). The
lists of videos they chose are printed nowhere, so a builder takes every video that its `Choices`
allow and prints what each of them left; its numbers are comparable between programs that use the
same builder and choices, and close to, not equal to, the paper's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from configs.errors import UsageError
from stages.data.builders.a2d import read_a2d
from stages.data.builders.choosing import Choices
from stages.data.builders.jhmdb import read_jhmdb
from stages.data.builders.mevis import read_mevis
from stages.data.builders.raw import Benchmark
from stages.data.builders.ref_davis17 import read_ref_davis17
from stages.data.builders.refcoco import read_refcoco
from stages.data.builders.release import read_release
from stages.data.builders.sail_vos import read_sail_vos
from stages.data.builders.writing import BuildReport, write_benchmark
from stages.data.builders.youtube_vos import read_youtube_vos

__all__ = ["BUILDERS", "BuildReport", "Choices", "build", "usual_choices"]

BUILDERS: Mapping[str, Callable[[Path, Choices], Benchmark]] = {
    "mini-ref-youtube-vos": lambda source, _: read_youtube_vos(source),
    "mini-ref-sail-vos": lambda source, _: read_sail_vos(source),
    "mini-mevis": read_mevis,
    "release": read_release,
    "refcoco": read_refcoco,
    "ref-davis17": read_ref_davis17,
    "a2d-sentences": read_a2d,
    "jhmdb-sentences": read_jhmdb,
}

# What is chosen where nothing is said. The paper names the kinds of choice; the numbers are ours,
# but for the videos in all.
USUAL: Mapping[str, Choices] = {
    "mini-ref-youtube-vos": Choices(one_category=True, total=1668),
    "mini-ref-sail-vos": Choices(least_frames=5, drop_absent=True),
    # Test sets are scored whole, and a support may come from elsewhere.
    "ref-davis17": Choices(least_videos=1),
    "a2d-sentences": Choices(least_videos=1),
    "jhmdb-sentences": Choices(least_videos=1),
}


def usual_choices(name: str) -> Choices:
    """What a builder chooses where nothing is said."""
    return USUAL.get(name, Choices())


def build(
    name: str,
    source: Path | str,
    out: Path | str,
    progress: bool = True,
    *,
    choices: Choices | None = None,
    jobs: int = 1,
) -> BuildReport:
    """Build `name` from the raw dataset `source` into the new folder `out`.

    `out` appears whole or not at all; images are hard-linked where the file system allows it. A
    build that was killed goes on where it was. Raises UsageError (unknown name, `out` not empty),
    MissingError or DataError (bad source).
    """
    if name not in BUILDERS:
        raise UsageError(f"unknown benchmark {name!r}; choose one of {', '.join(BUILDERS)}")
    choices = usual_choices(name) if choices is None else choices
    benchmark = BUILDERS[name](Path(source), choices)
    return write_benchmark(benchmark, Path(out), name, choices, jobs=jobs, progress=progress)
