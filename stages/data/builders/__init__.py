"""Few-shot benchmarks out of the raw datasets: `fsrvos data build NAME SOURCE OUT`.

The authors of the few-shot task publish their benchmarks as downloads. The lists of videos they
chose are printed nowhere, so a builder takes *every* video that fits the class list; its numbers
are comparable between programs that use the same builder, and close to, not equal to, the paper's.
Who has the authors' own folder needs no builder for Mini-Ref-YouTube-VOS: it has the layout that
this program reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from configs.errors import UsageError
from stages.data.builders.mevis import read_mevis
from stages.data.builders.sail_vos import read_sail_vos
from stages.data.builders.writing import Benchmark, BuildReport, write_benchmark
from stages.data.builders.youtube_vos import read_youtube_vos

__all__ = ["BUILDERS", "BuildReport", "build"]

BUILDERS: Mapping[str, Callable[[Path], Benchmark]] = {
    "mini-ref-youtube-vos": read_youtube_vos,
    "mini-ref-sail-vos": read_sail_vos,
    "mini-mevis": read_mevis,
}


def build(name: str, source: Path | str, out: Path | str, progress: bool = True) -> BuildReport:
    """Build the benchmark `name` from the raw dataset `source` into the new folder `out`.

    `out` appears whole or not at all; images are hard-linked where the file system allows it.
    Raises UsageError (unknown name, `out` not empty), MissingError or DataError (bad source).
    """
    if name not in BUILDERS:
        raise UsageError(f"unknown benchmark {name!r}; choose one of {', '.join(BUILDERS)}")
    benchmark = BUILDERS[name](Path(source))
    return write_benchmark(benchmark, Path(out), name, progress)
