"""Predictions and truth in, J and F out: ``predictions.h5`` -> ``score.json``, .md and .csv.

Predictions of other programs become a ``predictions.h5`` first (`stages.predictions.foreign`).

What counts: every annotated frame of every episode's video, the first and the last too. What is
averaged is the protocol's choice (`stages.scoring.protocols`); seeds are averaged last, with the
95 % interval of Student's t over them. docs/scoring.md says it in full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cache.whole import replace_text, require_replaceable, whole_folder
from configs.errors import DataError, MissingError, UsageError
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.data.manifest import read_manifest
from stages.data.queries import Query, every_query, queries_of_episodes, queries_of_fold
from stages.data.rle import Order
from stages.predictions import list_episodes, read_meta
from stages.predictions.foreign.adopt import adopt
from stages.runs.calibration import THRESHOLD
from stages.runs.folder import EvaluationFolder, digest_of_file
from stages.runtime.progress import track
from stages.runtime.provenance import provenance, recorded
from stages.scoring.aggregate import summarise, summarise_by
from stages.scoring.controls import compare
from stages.scoring.episodes import EpisodeScore, score_episodes
from stages.scoring.presence import presence_figures
from stages.scoring.protocols import PROTOCOLS, Protocol, find_protocol
from stages.scoring.result import Score


def score(
    *,
    predictions: Path,
    data_root: Path | None = None,
    protocol: str | None = None,
    jobs: int = 0,
    command: str = "",
) -> Score:
    """Score a predictions file and write score.json, score.md and score.csv beside it.

    Args:
        predictions: what ``fsrvos evaluate`` wrote.
        data_root: the dataset that was evaluated; where it was then by default.
        protocol: a name of `PROTOCOLS`; the one that the file was made for by default.
        jobs: worker processes; 0 decides by the amount of work.
        command: kept as provenance.

    Raises:
        UsageError: unknown protocol, or one for masks of another size.
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
        per_twin=summarise_by(model, rules, _company),
        controls=compare(predictions, scores, rules),
        presence=presence_figures(scores, float(meta.get("threshold") or THRESHOLD)),
        episodes=[item for members in scores.values() for item in members],
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
    folder = EvaluationFolder(predictions.parent)
    replace_text(folder.score_rows, result.csv())
    replace_text(folder.score_page, result.markdown())
    replace_text(folder.score, json.dumps(result.to_json(), indent=1) + "\n")
    return result


def score_foreign(
    *,
    source: Path,
    data_root: Path,
    out: Path,
    protocol: str = "davis",
    fold: int | None = None,
    episodes: Path | None = None,
    order: Order | Literal["auto"] = "auto",
    jobs: int = 0,
    command: str = "",
) -> Score:
    """Score another program's masks; `out` becomes an evaluation's folder like any other.

    Args:
        source: a folder or zip archive of PNG masks, or a JSON file of run-length masks.
        data_root: the dataset that the masks are about.
        out: the folder for masks and score.
        protocol: a name of `PROTOCOLS`.
        fold: whose test queries were asked; every expression of the dataset by default.
        episodes: a manifest whose queries were asked, in place of a fold.
        order: how run-length masks were written; "auto" tells by their look.
        jobs, command: as in `score`.

    Raises:
        UsageError: unknown protocol or fold, fold and episodes both, or `out` holds anything else.
        MissingError: no predictions, dataset or manifest there.
        DataError: what was asked and what was answered differ in a video, an expression, a frame
            or a size; the line names it.
    """
    rules = find_protocol(protocol)
    dataset = load_dataset(data_root)
    queries, manifest = _asked(dataset, fold, episodes, rules)
    folder = EvaluationFolder(out)
    require_replaceable(out, folder.NAMES)
    meta = {
        "dataset": str(data_root.absolute()),
        "fold": fold,
        "protocol": rules.name,
        "source": str(source.absolute()),
        "manifest": manifest,
        "provenance": provenance(command=command, digests={"dataset": dataset.digest}),
    }
    with whole_folder(out, folder.NAMES) as partial:
        file = EvaluationFolder(partial).predictions
        adopt(source, file, dataset, queries, resized=rules.resized, order=order, meta=meta)
    return score(predictions=folder.predictions, data_root=data_root, jobs=jobs, command=command)


def _company(item: EpisodeScore) -> str:
    return "with a twin" if item.info.twin else "alone of its kind"


def _asked(
    dataset: Dataset, fold: int | None, episodes: Path | None, rules: Protocol
) -> tuple[Sequence[Query], list[str]]:
    """What another program was asked, and the digest of the list that says so."""
    if fold is not None and episodes is not None:
        raise UsageError("--fold and --episodes both say what was asked; give one of them")
    if episodes is not None:
        listed = read_manifest(episodes, dataset)
        return queries_of_episodes(listed.episodes), [listed.digest]
    if fold is not None:
        return queries_of_fold(dataset, fold, rules.every_object), []
    return every_query(dataset), []


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
    """UsageError where the masks were made at another size than the protocol's."""
    made_for = meta.get("protocol")
    known = PROTOCOLS.get(str(made_for))
    if made_for is not None and (known is None or known.resized != protocol.resized):
        raise UsageError(
            f"{path}: made for protocol {made_for}, whose masks have another size; score with "
            f"--protocol {made_for}, or evaluate with --set evaluate.protocol={protocol.name}"
        )
