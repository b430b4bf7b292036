"""What an evaluation asks: every test episode, and its controls.

A control is the same episode with one thing taken away: the right kind's support, the sentence,
the choice between twins, the training. A network that uses that thing must lose without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from configs import EvaluateConfig, UsageError
from stages.data.dataset import Dataset
from stages.data.episodes import Episode, read_manifest, test_episodes, twin, wrong_support
from stages.predictions.records import EpisodeKey

# What stands beside each network with nothing taught: the paper's own, as it is initialised, or for
# one that compares the frozen features' own answer, which it starts from.
BASELINES = {
    "affinity": "similarity",
    **dict.fromkeys(
        ("fsrvos", "danet", "referformer", "mttr", "lbdt", "support-only", "text-only"), "untrained"
    ),
}


@dataclass(frozen=True)
class Question:
    """One episode under one condition; `sentence` is what the network is told."""

    key: EpisodeKey
    episode: Episode
    sentence: str


def draw(
    dataset: Dataset, fold: int, options: EvaluateConfig, every_object: bool = False
) -> dict[int, list[Episode]]:
    """The test episodes of every seed. every_object: as `test_episodes`."""
    shots, most = options.support_frames, options.episodes_per_category
    return {
        seed: test_episodes(dataset, fold, seed, shots, most, every_object)
        for seed in range(options.seeds)
    }


def listed(paths: Sequence[Path], dataset: Dataset, fold: int) -> dict[int, list[Episode]]:
    """The test episodes that manifests list, by seed.

    Raises UsageError where they are of another fold, of one seed twice, or differ in their shots;
    MissingError or DataError as `read_manifest`.
    """
    found: dict[int, list[Episode]] = {}
    shots: frozenset[int] = frozenset()
    for path in paths:
        manifest = read_manifest(path, dataset)
        if manifest.fold != fold:
            raise UsageError(f"{path}: episodes of fold {manifest.fold}, not of fold {fold}")
        if manifest.seed in found:
            raise UsageError(f"{path}: episodes of seed {manifest.seed}, which another file has")
        shots |= manifest.shots
        if len(shots) > 1:
            raise UsageError(
                f"{path}: episodes of {' and '.join(map(str, sorted(shots)))} support frames; "
                "evaluate those of one number at a time"
            )
        found[manifest.seed] = list(manifest.episodes)
    return dict(sorted(found.items()))


def questions_of(
    dataset: Dataset,
    seed: int,
    episodes: Sequence[Episode],
    controls: bool,
    baseline: str | None = "untrained",
    first_seed: int = 0,
) -> list[Question]:
    """The model's episodes of a seed, then its controls'.

    The two sentence controls are asked where there is a twin to mistake the object for; the
    baseline, a network that nothing was taught, is asked the episodes of `first_seed` only.
    """

    def under(condition: str, chosen: dict[int, tuple[Episode, str]]) -> list[Question]:
        return [
            Question(EpisodeKey(condition, seed, number), episode, sentence)
            for number, (episode, sentence) in chosen.items()
        ]

    asked = {n: (e, e.query.expression.text) for n, e in enumerate(episodes)}
    made = under("model", asked)
    if not controls:
        return made
    wrong = wrong_support(episodes)
    made += under("wrong_support", {n: (wrong[n], text) for n, (_, text) in asked.items()})
    rivals = {n: twin(dataset, e.query.expression) for n, e in enumerate(episodes)}
    twins = {n: (episodes[n], rival) for n, rival in rivals.items() if rival is not None}
    made += under("empty_sentence", {n: (e, "") for n, (e, _) in twins.items()})
    made += under("twin_sentence", {n: (e, rival.text) for n, (e, rival) in twins.items()})
    if seed == first_seed and baseline is not None:
        made += under(baseline, asked)
    return made


def in_batches(
    questions: Sequence[Question], size: int, by_support: bool = False
) -> Iterator[list[Question]]:
    """Up to `size` neighbouring ones of one condition and one clip length together.

    by_support: of one support clip, too, all of whose questions come one after the other.
    """

    def kind(question: Question) -> tuple[object, ...]:
        own = support_of(question) if by_support else None
        return own, question.key.condition, len(question.episode.query.frames)

    ordered = sorted(questions, key=support_of) if by_support else questions
    for _, alike in groupby(ordered, kind):
        while batch := list(islice(alike, size)):
            yield batch


def support_of(question: Question) -> tuple[str, str, tuple[int, ...]]:
    """What tells the support clips of a dataset apart."""
    support = question.episode.support
    return support.video, support.expression.id, support.frames
