"""The commands that make a run again, and the versions that made it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from stages.reporting.run import Run
from stages.runs.checkpoint import read_facts
from stages.runs.folder import RunFolder
from stages.runs.packaged import is_packaged
from stages.runtime.provenance import recorded


def commands(run: Run) -> str:
    """One command a line: those on record, and the usual ones where none is."""
    score, facts = run.score or {}, read_facts(run.folder) or {}
    data = str(score.get("data") or next(iter(facts.get("data") or ()), "DATA"))
    folder = RunFolder(run.folder)
    common = [
        "--data",
        data,
        "--fold",
        str(run.fold or facts.get("fold") or "FOLD"),
        "--config",
        str(folder.config),
    ]
    evaluation = str(run.evaluation.path if run.evaluation else folder.path)
    evaluate = ["fsrvos", "evaluate", *common[:4], "--run", str(folder.path)]
    steps: list[tuple[list[str], Mapping[str, Any]]] = [
        (["fsrvos", "features", *common], {}),
        (["fsrvos", "train", "--from-cache", *common, "--run", str(folder.path)], facts),
        (evaluate, recorded(score, "predictions") or {}),
        (["fsrvos", "score", evaluation, "--data", data], score),
        (["fsrvos", "report", str(folder.path)], {}),
    ]
    if is_packaged(run.folder):  # which nothing here made
        del steps[1]
    return "\n".join(
        recorded(made, "provenance", "command") or shlex.join(usual) for usual, made in steps
    )


def versions(run: Run) -> dict[str, str]:
    """Versions on record, those of the evaluation first."""
    found: dict[str, str] = {}
    for source in (recorded(run.score, "predictions"), run.score):
        stated = recorded(source, "provenance", "versions")
        if isinstance(stated, dict):
            for name, version in stated.items():
                found.setdefault(str(name), str(version))
    return dict(sorted(found.items()))
