"""Predictions and truth in, J and F out: ``predictions.h5`` -> ``score.json``.

What counts: every annotated frame of every episode's video, the first and the last too. What is
averaged is the protocol's choice (`stages.scoring.protocols`); seeds are averaged last, with the
95 % interval of Student's t over them. docs/scoring.md says it in full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.whole import replace_text
from configs.errors import DataError, MissingError, UsageError
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.predictions import list_episodes, read_meta
from stages.runs.folder import EvaluationFolder, digest_of_file
from stages.runtime.progress import track
from stages.runtime.provenance import provenance, recorded
from stages.scoring.aggregate import Figures, summarise, summarise_by
from stages.scoring.controls import Control, compare
from stages.scoring.episodes import EpisodeScore, score_episodes
from stages.scoring.protocols import Protocol, find_protocol
from stages.scoring.table import category_table, control_table, plus_minus


@dataclass(frozen=True)
class Score:
    """What a predictions file scored, in percent.

    ``predictions`` is the file's path and ``sha256`` its digest; ``origin`` holds what it says of
    itself: dataset, fold, run, manifest and the like, and the dataset's kind. ``data`` is the
    folder of the truth.
    """

    protocol: Protocol
    overall: Figures
    per_category: dict[str, Figures]
    per_video: dict[str, Figures]
    controls: dict[str, Control]
    predictions: str
    sha256: str
    origin: Mapping[str, Any]
    data: str
    provenance: Mapping[str, Any]

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
            "provenance": dict(self.provenance),
            "predictions": {"file": self.predictions, "sha256": self.sha256, **self.origin},
        }

    def table(self) -> str:
        """The score as plain text."""
        what = f"{Path(self.origin['dataset']).name}, fold {self.origin.get('fold') or '?'}"
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
    *,
    predictions: Path,
    data_root: Path | None = None,
    protocol: str | None = None,
    jobs: int = 0,
    command: str = "",
) -> Score:
    """Score a predictions file and write score.json beside it.

    Args:
        predictions: what ``fsrvos evaluate`` wrote.
        data_root: the dataset that was evaluated; where it was then by default.
        protocol: "davis" or "paper"; by default, and at most, the one that the file was made for.
        jobs: worker processes; 0 decides by the amount of work.
        command: kept as provenance.

    Raises:
        UsageError: unknown protocol, or predictions made for another one.
        MissingError: no predictions or no dataset there.
        DataError: one of them is malformed, or they do not belong together.
    """
    meta = read_meta(predictions)
    rules = find_protocol(protocol or str(meta.get("protocol") or "davis"))
    _check_protocol(predictions, meta, rules)
    data_root = data_root or _recorded_data(predictions, meta)
    dataset = load_dataset(data_root)
    _check_dataset(predictions, meta, dataset)
    episodes = list_episodes(predictions)
    if not any(key.condition == "model" for key, _ in episodes):
        raise DataError(f"{predictions}: holds no episode of the model; evaluate the run again")
    videos = len({info.video for _, info in episodes})
    found = score_episodes(predictions, dataset, rules, episodes, jobs)
    scores: dict[str, list[EpisodeScore]] = {}
    for of_video in track(found, total=videos, description="scoring videos"):
        for item in of_video:
            scores.setdefault(item.key.condition, []).append(item)
    for members in scores.values():
        members.sort(key=lambda item: item.key)  # workers finish in any order; sums must not
    model = scores["model"]
    sha256 = digest_of_file(predictions)
    result = Score(
        protocol=rules,
        overall=summarise(model, rules),
        per_category=summarise_by(model, rules, lambda item: item.info.category),
        per_video=summarise_by(model, rules, lambda item: item.info.video),
        controls=compare(predictions, scores, rules),
        predictions=str(predictions.absolute()),
        sha256=sha256,
        origin={
            **meta,
            "dataset": meta.get("dataset") or data_root.resolve().name,
            "kind": dataset.kind,
        },
        data=str(data_root.absolute()),
        provenance=provenance(
            command=command, digests={"predictions": sha256, "dataset": dataset.digest}
        ),
    )
    text = json.dumps(result.to_json(), indent=1) + "\n"
    replace_text(EvaluationFolder(predictions.parent).score, text)
    return result


def _recorded_data(path: Path, meta: Mapping[str, Any]) -> Path:
    """Where the dataset was when the predictions were made."""
    recorded = Path(str(meta.get("dataset") or ""))
    if not meta.get("dataset") or not recorded.is_dir():
        raise MissingError(
            f"{path} was made on {meta.get('dataset') or 'a dataset it does not name'}, which is "
            "not there; name the dataset with --data"
        )
    return recorded


def _check_dataset(path: Path, meta: Mapping[str, Any], dataset: Dataset) -> None:
    made_on = recorded(meta, "provenance", "digests", "dataset")
    if made_on is not None and made_on != dataset.digest:
        raise DataError(
            f"{path} was made on another dataset than {dataset.root}, or its videos or sentences "
            "have changed since; name the right one with --data, or evaluate the run again"
        )


def _check_protocol(path: Path, meta: Mapping[str, Any], protocol: Protocol) -> None:
    made_for = meta.get("protocol")
    if made_for is not None and made_for != protocol.name:
        raise UsageError(
            f"{path}: made for protocol {made_for}, whose masks have another size; score with "
            f"--protocol {made_for}, or evaluate with --set evaluate.protocol={protocol.name}"
        )
