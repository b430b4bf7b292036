"""Predictions and truth in, J and F out: ``predictions.h5`` -> ``score.json``.

What counts: every annotated frame of every episode's video, the first and the last too. What is
averaged is the protocol's choice (`stages.scoring.protocols`); seeds are averaged last, with the
95 % interval of Student's t over them. docs/scoring.md says it in full.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cache.whole_file import replace_text
from configs.errors import DataError, UsageError
from stages.data.index import load_dataset
from stages.predictions import list_episodes, read_meta
from stages.runtime.progress import track
from stages.scoring.aggregate import Figures, summarise, summarise_by
from stages.scoring.controls import Control, compare
from stages.scoring.episodes import EpisodeScore, score_episodes
from stages.scoring.protocols import Protocol, find_protocol
from stages.scoring.table import category_table, control_table, plus_minus

SCORE_FILE = "score.json"

_VERSIONS_OF = ("fsrvos", "numpy", "opencv-python", "opencv-python-headless", "scipy", "h5py")


@dataclass(frozen=True)
class Score:
    """What a predictions file scored, in percent.

    ``origin`` holds what the predictions file says of itself: dataset, fold, run, manifest and the
    like, and the dataset's kind. ``data`` is the folder of the truth.
    """

    protocol: Protocol
    overall: Figures
    per_category: dict[str, Figures]
    per_video: dict[str, Figures]
    controls: dict[str, Control]
    origin: Mapping[str, Any]
    data: str
    command: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The content of score.json."""
        origin = {
            name: self.origin.get(name) for name in ("manifest", "dataset", "kind", "fold", "run")
        }
        return {
            "protocol": self.protocol.name,
            **origin,
            "seeds": [seed.to_json() for seed in self.overall.seeds],
            **{k: v for k, v in self.overall.to_json().items() if k != "interval"},
            "interval": self.overall.interval_json(),
            "per_category": {name: fig.to_json() for name, fig in self.per_category.items()},
            "per_video": {name: fig.to_json() for name, fig in self.per_video.items()},
            "controls": {name: control.to_json() for name, control in self.controls.items()},
            "data": self.data,
            "command": self.command,
            "versions": self.versions,
            "predictions": dict(self.origin),
        }

    def table(self) -> str:
        """The score as plain text."""
        what = f"{self.origin['dataset']}, fold {self.origin.get('fold') or '?'}"
        figures = self.overall
        seeds = len(figures.seeds)
        headline = f"J {figures.J:.1f}   F {figures.F:.1f}   J&F {figures.JF:.1f}"
        interval = plus_minus(figures)
        over = f"over {seeds} seeds" if seeds > 1 else "one seed, so no interval"
        lines = [
            f"{what}: {headline} {interval}".rstrip(),
            f"{over}; protocol {self.protocol.name}: {self.protocol.summary}",
            "",
            *category_table(figures, self.per_category),
        ]
        if self.controls:
            lines += ["", *control_table(self.controls)]
        return "\n".join(lines)


def score(
    predictions: Path,
    data_root: Path,
    protocol: str = "davis",
    jobs: int = 0,
    out: Path | None = None,
) -> Score:
    """Score a predictions file and write the result as JSON.

    Args:
        predictions: what ``fsrvos evaluate`` wrote.
        data_root: the dataset that was evaluated.
        protocol: "davis" or "paper"; the file must have been made for it.
        jobs: worker processes; 0 decides by the amount of work.
        out: where the JSON goes; beside the predictions as score.json by default.

    Raises:
        UsageError: unknown protocol, or predictions made for another one.
        MissingError: no predictions or no dataset there.
        DataError: one of them is malformed, or they do not belong together.
    """
    path, rules = Path(predictions), find_protocol(protocol)
    meta = read_meta(path)
    _check_protocol(path, meta, rules)
    dataset = load_dataset(data_root)
    episodes = list_episodes(path)
    if not any(key.condition == "model" for key, _ in episodes):
        raise DataError(f"{path}: holds no episode of the model; run `fsrvos evaluate` again")
    videos = len({info.video for _, info in episodes})
    found = score_episodes(path, dataset, rules, episodes, jobs)
    scores: dict[str, list[EpisodeScore]] = {}
    for of_video in track(found, total=videos, description="scoring videos"):
        for item in of_video:
            scores.setdefault(item.key.condition, []).append(item)
    for members in scores.values():
        members.sort(key=lambda item: item.key)  # workers finish in any order; sums must not
    model = scores["model"]
    result = Score(
        protocol=rules,
        overall=summarise(model, rules),
        per_category=summarise_by(model, rules, lambda item: item.info.category),
        per_video=summarise_by(model, rules, lambda item: item.info.video),
        controls=compare(path, scores, rules),
        origin={
            **meta,
            "dataset": meta.get("dataset") or Path(data_root).resolve().name,
            "kind": dataset.kind,
        },
        data=str(data_root),
        command=_command(path, data_root, rules),
        versions=_versions(),
    )
    text = json.dumps(result.to_json(), indent=1) + "\n"
    replace_text(out or path.with_name(SCORE_FILE), text)
    return result


def _check_protocol(path: Path, meta: Mapping[str, Any], protocol: Protocol) -> None:
    made_for = meta.get("protocol")
    if made_for is not None and made_for != protocol.name:
        raise UsageError(
            f"{path}: made for protocol {made_for}, whose masks have another size; score with "
            f"--protocol {made_for}, or evaluate with --set evaluate.protocol={protocol.name}"
        )


def _command(path: Path, data_root: Path, protocol: Protocol) -> str:
    words = ["fsrvos", "score", str(path), "--data", str(data_root), "--protocol", protocol.name]
    return shlex.join(words)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _VERSIONS_OF:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
