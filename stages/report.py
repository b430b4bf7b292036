"""Runs in, one HTML page out; or a table of the paper with ours beside it, or of options.

The page needs nothing from elsewhere: pictures are data addresses, charts are drawn as SVG, and no
script runs. What a run does not have yet is said in its place, with the command that makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cache.whole import replace_text
from configs.errors import FsrvosError, UsageError
from stages.reporting import page
from stages.reporting.ablation import Ablation, compare
from stages.reporting.paper import PaperTable, build
from stages.reporting.pictures import Sample, sample_episodes
from stages.reporting.run import Run, load_run
from stages.reporting.shots import ShotsTable, shots_table
from stages.runs.folder import RunFolder
from stages.runs.packaged import is_packaged


def write_report(
    *, runs: Sequence[Path], out: Path | None = None, data_root: Path | None = None
) -> Path:
    """Write one page about the runs.

    Args:
        runs: run folders, of which the newest evaluation counts, or folders of evaluations; at
            least one.
        out: the HTML file; report.html in the first folder named by default.
        data_root: the dataset that the sample pictures come from; where it was when the run was
            scored by default.

    Returns:
        The file written.

    Raises:
        UsageError: no run named, or a packaged one and no `out`.
        MissingError: a run's folder does not exist.
        FsrvosError: the page cannot be written.
    """
    if not runs:
        raise UsageError("no run named; name one run folder or more")
    loaded = [load_run(run) for run in runs]
    path = out if out is not None else _place(Path(runs[0]))
    several = len(loaded) > 1
    heading = f"{len(loaded)} runs" if several else loaded[0].name
    sections = [page.section(run, *_samples(run, data_root)) for run in loaded]
    replace_text(path, page.page(heading, sections, page.comparison(loaded) if several else None))
    return path


def paper_table(*, number: int, runs: Sequence[Path]) -> PaperTable:
    """Table 1 to 4 of the paper, each run's figures beside it under its own dataset.

    Raises:
        UsageError: another number.
        MissingError: a run's folder does not exist.
    """
    if number not in (1, 2, 3, 4):
        raise UsageError(f"no table {number}; choose 1, 2, 3 or 4")
    return build(number, [load_run(run) for run in runs])


def option_table(*, runs: Sequence[Path]) -> Ablation:
    """What each configuration gives over the first run's, over training seeds.

    Raises:
        UsageError: a configuration and seed named twice, or runs scored on different episodes.
        MissingError: a run's folder does not exist.
    """
    return compare([load_run(run) for run in runs])


def shots_report(*, runs: Sequence[Path]) -> ShotsTable:
    """J&F of each run by the number of support frames that it was evaluated with.

    Raises:
        MissingError: a run's folder does not exist.
    """
    return shots_table([load_run(run) for run in runs])


def _place(folder: Path) -> Path:
    """The page's file in a run folder or an evaluation's, which name it alike."""
    if is_packaged(folder):
        raise UsageError(f"{folder} is not to be written to; say where the page goes with --out")
    return RunFolder(folder).report


def _samples(run: Run, data_root: Path | None) -> tuple[list[Sample], str]:
    """Samples, or one line on why there are none."""
    score = run.score or {}
    root = data_root or (Path(str(score["data"])) if score.get("data") else None)
    if run.predictions is None:
        return [], ""  # the run's own notes say so
    if root is None:
        return [], "No sample pictures: score the run, or name its dataset with --data."
    try:
        return sample_episodes(run.predictions, root, str(score.get("protocol", "davis"))), ""
    except FsrvosError as error:
        return [], f"No sample pictures: {error}"
