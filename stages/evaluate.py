"""Every test episode of a fold -> predictions.h5, with the controls that a score needs.

A control is the same episode with one thing taken away: the right kind's support, the sentence,
the choice between twins, the training. A network that uses that thing must lose without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path

import torch

from cache import Place
from configs import Config, EvaluateConfig, UsageError
from stages.data.clips import Clip
from stages.data.dataset import Dataset
from stages.data.episodes import Episode, test_episodes, twin, write_manifest, wrong_support
from stages.data.index import load_dataset
from stages.feeding.batches import FeatureSource, collate
from stages.feeding.inference import Answer, answers, join, run_model
from stages.feeding.sources import open_source
from stages.model.build import build_model
from stages.model.fsrvos import FsrvosModel
from stages.predictions import EpisodeInfo, EpisodeKey, Prediction, PredictionWriter
from stages.runs.checkpoint import Checkpoint, load_checkpoint, require_encoders
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.progress import track
from stages.runtime.provenance import provenance

PREDICTIONS = "predictions.h5"
UNTRAINED_SEED = 0
CLIPS_A_BATCH = 4


@dataclass(frozen=True)
class _Task:
    """One episode under one condition; `sentence` is what the network is told."""

    key: EpisodeKey
    episode: Episode
    sentence: str


def evaluate(
    config: Config | None,
    data_root: Path,
    fold: int,
    run_dir: Path,
    cache_root: Place | None,
    device: str = "cpu",
    seeds: int | None = None,
    controls: bool = True,
) -> Path:
    """Predict all test episodes of `fold`; gives the path of predictions.h5 in the run folder.

    config: whose `evaluate` section and `features.dtype` count, the stored type that is read;
    the run's own by default. All else is the run's. Raises MissingError, DataError, UsageError
    (fold trained on), CacheIntegrityError, FsrvosError.
    """
    keep_freed_memory()
    loaded = load_checkpoint(run_dir, device)
    stated = config or loaded.config
    options, dtype = stated.evaluate, stated.features.dtype
    read = replace(loaded.config, features=replace(loaded.config.features, dtype=dtype))
    require_same_fold(loaded, fold, run_dir)
    dataset = load_dataset(data_root)
    source = open_source(read, dataset, cache_root, device, from_cache=True, user=run_dir)
    require_encoders(loaded.encoders, source.encoders, run_dir)
    drawn = {
        seed: test_episodes(
            dataset, fold, seed, options.support_frames, options.episodes_per_category
        )
        for seed in range(seeds or options.seeds)
    }
    asked = [episode for episodes in drawn.values() for episode in episodes]
    source.prepare(sorted({clip.video for e in asked for clip in (e.query, e.support)}))
    digests = [
        write_manifest(
            run_dir / "manifests" / f"seed{seed}.json", dataset, episodes, fold=fold, seed=seed
        )
        for seed, episodes in drawn.items()
    ]
    tasks = [task for seed, e in drawn.items() for task in tasks_of(dataset, seed, e, controls)]
    meta = {
        "dataset": str(data_root),
        "fold": fold,
        "run": str(run_dir),
        "manifest": digests,
        "protocol": options.protocol,
        "command": f"fsrvos evaluate --data {data_root} --fold {fold} --run {run_dir} "
        f"--set features.dtype={dtype}",
        "versions": provenance(device),
    }
    runner = _Runner(loaded, dataset, source, torch.device(device), options)
    path = run_dir / PREDICTIONS
    with PredictionWriter(path, meta) as writer:
        batches = list(in_batches(tasks))
        for batch in track(batches, description="evaluate"):
            for prediction in runner.predict(batch):
                writer.add(prediction)
    return path


def require_same_fold(loaded: Checkpoint, fold: int, run: Path) -> None:
    """UsageError where the fold's test classes were trained on."""
    trained = loaded.facts.get("fold")
    if trained is not None and trained != fold:
        raise UsageError(
            f"{run} was trained for fold {trained}, so fold {fold}'s test classes are not unseen; "
            f"use --fold {trained} or train another run"
        )


def tasks_of(
    dataset: Dataset, seed: int, episodes: Sequence[Episode], controls: bool
) -> list[_Task]:
    """The model's episodes of a seed, then its controls'.

    The two sentence controls are asked where there is a twin to mistake the object for; the
    untrained network is asked the first seed's episodes only.
    """

    def tasks(condition: str, chosen: dict[int, tuple[Episode, str]]) -> list[_Task]:
        return [
            _Task(EpisodeKey(condition, seed, number), episode, sentence)
            for number, (episode, sentence) in chosen.items()
        ]

    asked = {n: (e, e.query.expression.text) for n, e in enumerate(episodes)}
    made = tasks("model", asked)
    if not controls:
        return made
    wrong = wrong_support(episodes)
    made += tasks("wrong_support", {n: (wrong[n], text) for n, (_, text) in asked.items()})
    rivals = {n: twin(dataset, e.query.expression) for n, e in enumerate(episodes)}
    twins = {n: (episodes[n], rival) for n, rival in rivals.items() if rival is not None}
    made += tasks("empty_sentence", {n: (e, "") for n, (e, _) in twins.items()})
    made += tasks("twin_sentence", {n: (e, rival.text) for n, (e, rival) in twins.items()})
    if seed == 0:
        made += tasks("untrained", asked)
    return made


def in_batches(tasks: Sequence[_Task]) -> Iterator[list[_Task]]:
    """Neighbouring tasks of one condition and one clip length together."""
    for _, alike in groupby(tasks, lambda t: (t.key.condition, len(t.episode.query.frames))):
        while batch := list(islice(alike, CLIPS_A_BATCH)):
            yield batch


class _Runner:
    """Runs batches of tasks, window after window."""

    def __init__(
        self,
        loaded: Checkpoint,
        dataset: Dataset,
        source: FeatureSource,
        device: torch.device,
        options: EvaluateConfig,
    ) -> None:
        self.config, self.dataset, self.source = loaded.config, dataset, source
        self.device, self.window = device, options.window
        self.annotation_size = options.protocol == "davis"
        torch.manual_seed(UNTRAINED_SEED)
        encoders = loaded.encoders
        blank = build_model(loaded.config.model, encoders.channels, encoders.text_width)
        self.untrained = blank.to(device).eval()
        self.trained = loaded.model

    def predict(self, batch: Sequence[_Task]) -> list[Prediction]:
        """The records of a batch."""
        model = self.untrained if batch[0].key.condition == "untrained" else self.trained
        length = len(batch[0].episode.query.frames)
        sizes = [self.size(task.episode.query.video) for task in batch]
        windows = [
            self.answer(model, batch, range(start, min(start + self.window, length)), sizes)
            for start in range(0, length, self.window)
        ]
        return [
            self.record(task, join([window[row] for window in windows]))
            for row, task in enumerate(batch)
        ]

    def answer(
        self,
        model: FsrvosModel,
        batch: Sequence[_Task],
        window: range,
        sizes: list[tuple[int, int]],
    ) -> list[Answer]:
        """One window of all clips."""
        episodes = [replace(task.episode, query=_cut(task.episode.query, window)) for task in batch]
        sentences = [task.sentence for task in batch]
        inputs = collate(
            self.dataset, self.source, episodes, self.device, sentences, with_targets=False
        )
        said = run_model(model, inputs, self.config.train.precision)
        return answers(said, inputs.query, self.config.model.mask_stride, sizes)

    def size(self, video: str) -> tuple[int, int]:
        """(H, W) that masks are kept at: the annotations', or the network's in protocol paper."""
        if not self.annotation_size:
            return self.source.size(video)
        ids = self.dataset.masks(video, 0)
        return ids.shape[0], ids.shape[1]

    def record(self, task: _Task, answer: Answer) -> Prediction:
        """What is written of an episode."""
        query, support = task.episode.query, task.episode.support
        names = self.dataset.videos[query.video].frames
        shown = self.dataset.videos[support.video].frames
        info = EpisodeInfo(
            video=query.video,
            expression_id=query.expression.id,
            object_id=query.expression.object_id,
            category=task.episode.category,
            text=task.sentence,
            frames=tuple(names[i] for i in query.frames),
            height=answer.masks.shape[1],
            width=answer.masks.shape[2],
            score=answer.score,
            twin=twin(self.dataset, query.expression) is not None,
            support_video=support.video,
            support_frames=tuple(shown[i] for i in support.frames),
            support_object=support.expression.object_id,
        )
        return Prediction(task.key, info, answer.masks, answer.presence)


def _cut(clip: Clip, window: range) -> Clip:
    return replace(clip, frames=clip.frames[window.start : window.stop])
