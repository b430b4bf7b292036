"""What has to be known about rows before they are compared; a table says it without being asked."""

from __future__ import annotations

from collections.abc import Sequence

from stages.reporting.published import DRAWINGS
from stages.reporting.rows import label_of
from stages.reporting.run import Run


def caveats(runs: Sequence[Run]) -> list[str]:
    """One sentence each, about scored runs."""
    return [
        *_other_episodes(runs),
        *_few_drawings(runs),
        *_some_episodes(runs),
        *_seen_kinds(runs),
        *_unequal_steps(runs),
        *(note for run in runs for note in run.notes if "trained on since" in note),
    ]


def _other_episodes(runs: Sequence[Run]) -> list[str]:
    """Rows of one dataset and fold that answer different questions."""
    asked: dict[tuple[str, int | None], dict[str, Run]] = {}
    for run in runs:
        manifest = (run.score or {}).get("manifest")
        if manifest is not None:
            asked.setdefault((run.dataset, run.fold), {}).setdefault(str(manifest), run)
    return [
        f"{dataset}, fold {fold or '?'}: not all rows were scored on the same episodes "
        f"({' and '.join(run.name for run in by_manifest.values())}), so they do not compare."
        for (dataset, fold), by_manifest in asked.items()
        if len(by_manifest) > 1
    ]


def _few_drawings(runs: Sequence[Run]) -> list[str]:
    counts = sorted({len((run.score or {})["seeds"]) for run in runs})
    few = [count for count in counts if count < DRAWINGS]
    if not few:
        return []
    return [
        f"Scored over {' or '.join(map(str, few))} drawing{'s' if few != [1] else ''} of the "
        f"support; the paper takes {DRAWINGS}."
    ]


def _some_episodes(runs: Sequence[Run]) -> list[str]:
    most = sorted({limit for run in runs if (limit := run.evaluated("episodes_per_category"))})
    return [f"At most {limit} test episodes of a category were asked, not all." for limit in most]


def _seen_kinds(runs: Sequence[Run]) -> list[str]:
    notes = []
    for run in runs:
        tested = {*(run.score or {})["per_category"]}
        seen = sorted(tested & {*run.facts.get("categories", ())})
        if seen:
            notes.append(
                f"{run.name} was trained on {len(seen)} of the {len(tested)} kinds that it is "
                f"scored on ({', '.join(seen)}): no score of unseen kinds."
            )
    return notes


def _unequal_steps(runs: Sequence[Run]) -> list[str]:
    steps = {label_of(run): run.facts.get("report", {}).get("steps") for run in runs}
    known = {count for count in steps.values() if count is not None}
    return ["Not all rows were trained for the same number of steps."] if len(known) > 1 else []
