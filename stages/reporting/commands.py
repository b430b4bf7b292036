"""The commands that make a run again, and the versions that made it."""

from __future__ import annotations

import shlex
from typing import Any

from stages.reporting.run import CONFIG, PREDICTIONS, Run


def commands(run: Run) -> str:
    """One command a line: those on record, and the usual ones where none is."""
    score = run.score or {}
    origin = _origin(run)
    data = str(score.get("data") or origin.get("data") or "DATA")
    fold = str(run.fold or "FOLD")
    folder = str(run.folder)
    config = str(run.folder / CONFIG)
    common = ["--data", data, "--fold", fold, "--config", config]
    steps = [
        ["fsrvos", "features", *common, "--split", "all"],
        ["fsrvos", "train", "--from-cache", *common, "--run", folder],
        ["fsrvos", "evaluate", "--data", data, "--fold", fold, "--run", folder],
        ["fsrvos", "score", str(run.folder / PREDICTIONS), "--data", data],
        ["fsrvos", "report", folder],
    ]
    lines = [shlex.join(step) for step in steps]
    for position, recorded in ((2, origin.get("command")), (3, score.get("command"))):
        if isinstance(recorded, str) and recorded:
            lines[position] = recorded
    return "\n".join(lines)


def versions(run: Run) -> dict[str, str]:
    """Versions on record, those of the evaluation first."""
    found: dict[str, str] = {}
    for source in (_origin(run).get("versions"), (run.score or {}).get("versions")):
        if isinstance(source, dict):
            for name, version in source.items():
                found.setdefault(str(name), str(version))
    return dict(sorted(found.items()))


def _origin(run: Run) -> dict[str, Any]:
    origin = (run.score or {}).get("predictions")
    return origin if isinstance(origin, dict) else {}
