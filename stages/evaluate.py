"""Every test episode of a fold -> a folder of predictions, with the controls that a score needs.

What is asked, and what the controls take away, says `stages.predictions.questions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from cache import Place
from cache.whole import require_replaceable, whole_folder
from configs import Config, EvaluateConfig, FsrvosError, UsageError
from stages.caching.command import naming_the_command
from stages.data.clips import Clip
from stages.data.dataset import Dataset
from stages.data.episodes import (
    Episode,
    manifest_digest,
    twin,
    write_manifest,
)
from stages.data.folds import EVERY_KIND, test_categories
from stages.data.index import load_dataset
from stages.feeding.batches import FeatureSource, collate
from stages.feeding.inference import Answer, Frame, answers, join, run_model
from stages.feeding.sources import open_source
from stages.model.network import Network
from stages.model.networks import build_network
from stages.predictions import (
    EpisodeInfo,
    EpisodePrediction,
    PredictionWriter,
    read_meta,
)
from stages.predictions.questions import (
    BASELINES,
    Question,
    draw,
    in_batches,
    listed,
    questions_of,
)
from stages.runs.calibration import Calibration, read_calibration
from stages.runs.checkpoint import (
    Checkpoint,
    digest_of_run,
    load_checkpoint,
    require_encoders,
)
from stages.runs.evaluation import EvaluationIdentity, place, settle
from stages.runs.folder import EvaluationFolder
from stages.runs.packaged import is_packaged
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process
from stages.runtime.progress import say, track
from stages.scoring.protocols import find_protocol
from stages.training.finetuning import SupportTuner

UNTRAINED_SEED = 0
CLIPS_A_BATCH = 4


def evaluate(
    *,
    data_root: Path,
    fold: int,
    run: Path,
    out: Path | None = None,
    config: Config | None = None,
    cache_root: Place | None = None,
    device: str = "cpu",
    controls: bool = True,
    episodes: Sequence[Path] = (),
    keep: bool = False,
    command: str = "",
) -> EvaluationFolder:
    """Predict all test episodes of `fold`; gives the folder of the evaluation, whole or absent.

    Args:
        data_root: the dataset.
        fold: whose test classes are asked for; the fold that the run was trained for.
        run: the run folder, or a packaged run's.
        out: the evaluation's folder; one of its own under the run by default, named by dataset,
            fold and settings. A packaged run has none.
        config: the run's own by default; `stages.runs.evaluation.FREE` says what may differ.
        cache_root: where the features are.
        device: that the network runs on.
        controls: whether to ask the controls, too.
        episodes: manifests of the episodes to ask; they then say the seeds and the shots, and the
            configuration's are not heard. None draws them as the configuration says.
        keep: leave the same evaluation where it is there already.
        command: kept as provenance.

    Raises:
        UsageError: a fold that was trained on, a setting without effect, `out` holds another
            evaluation or anything else.
        MissingError: no run, dataset or features there.
        DataError, CacheIntegrityError, FsrvosError: damaged ones, or a full disk.
    """
    require_one_process()
    keep_freed_memory()
    loaded = load_checkpoint(run, device)
    settings = settle(loaded.config, config)
    require_same_fold(loaded, fold, run)
    dataset = load_dataset(data_root)
    warn_of_seen_kinds(loaded, test_categories(dataset, fold), run)
    options = settings.evaluate
    if episodes:
        drawn = listed(episodes, dataset, fold)
        options = _as_listed(options, drawn)
        settings = replace(settings, evaluate=options)
    else:
        drawn = draw(dataset, fold, options, find_protocol(options.protocol).every_object)
    digests = [manifest_digest(dataset, of_seed) for of_seed in drawn.values()]
    identity = EvaluationIdentity(
        dataset=dataset.digest,
        fold=fold,
        config=settings,
        episodes=tuple(digests),
        controls=controls,
        weights=digest_of_run(run),
        device=torch.device(device).type,
    )
    folder = place(run, identity.name(data_root.resolve().name), out)
    require_replaceable(folder.path, folder.NAMES)
    if folder.predictions.is_file() and require_same(identity, folder.predictions) and keep:
        return folder
    user = None if is_packaged(run) else run  # which is there for good, and would keep its features
    source = open_source(settings, dataset, cache_root, device, from_cache=True, user=user)
    require_encoders(loaded.encoders, source.encoders, run)
    baseline = BASELINES.get(loaded.config.model.network)
    questions = [
        question
        for seed, asked in drawn.items()
        for question in questions_of(dataset, seed, asked, controls, baseline, min(drawn))
    ]
    calibration = read_calibration(run)
    meta = {
        "threshold": calibration.threshold if calibration.fitted else None,
        "dataset": str(data_root.absolute()),
        "fold": fold,
        "run": str(run.absolute()),
        "protocol": options.protocol,
        "shots": options.support_frames,
        "manifest": digests,
        "identity": identity.digest,
        "provenance": identity.provenance(source.encoders, device, command),
    }
    with naming_the_command(settings, [data_root], fold, cache_root):
        every = [episode for of_seed in drawn.values() for episode in of_seed]
        source.prepare(sorted({clip.video for e in every for clip in (e.query, e.support)}))
        runner = _Runner(loaded, dataset, source, torch.device(device), options, calibration)
        tuning = options.finetune_steps > 0
        with whole_folder(folder.path, folder.NAMES) as partial:
            filled = EvaluationFolder(partial)
            for seed, of_seed in drawn.items():
                write_manifest(filled.manifest(seed), dataset, of_seed, fold=fold, seed=seed)
            with PredictionWriter(filled.predictions, meta) as writer:
                for batch in track(
                    list(in_batches(questions, CLIPS_A_BATCH, tuning)), description="evaluate"
                ):
                    for prediction in runner.predict(batch):
                        writer.add(prediction)
    return folder


def _as_listed(options: EvaluateConfig, drawn: Mapping[int, Sequence[Episode]]) -> EvaluateConfig:
    """What a configuration would have to say for the episodes that were listed."""
    shots = len(next(iter(drawn.values()))[0].support.frames)
    return replace(options, seeds=len(drawn), support_frames=shots, episodes_per_category=0)


def require_same(identity: EvaluationIdentity, predictions: Path) -> bool:
    """Whether a predictions file can be read. UsageError where it is another evaluation's."""
    try:
        meta = read_meta(predictions)
    except FsrvosError:  # damaged, which is what to do it again for
        return False
    if meta.get("identity") != identity.digest:
        raise UsageError(
            f"{predictions.parent} holds another evaluation (fold {meta.get('fold')} of "
            f"{meta.get('dataset')}, or with other settings or weights); name another folder"
        )
    return True


def require_same_fold(loaded: Checkpoint, fold: int, run: Path) -> None:
    """UsageError where the fold's test classes were trained on."""
    trained = loaded.facts.get("fold")
    if trained not in (None, fold, EVERY_KIND):
        raise UsageError(
            f"{run} was trained for fold {trained}, so fold {fold}'s test classes are not unseen; "
            f"use --fold {trained} or train another run"
        )


def warn_of_seen_kinds(loaded: Checkpoint, asked: Sequence[str], run: Path) -> None:
    """Say which of the kinds asked about a run was trained on, which a score is not to hide."""
    seen = sorted({*asked} & {*loaded.facts.get("categories", ())})
    if seen:
        say(
            f"{run.name} was trained on {len(seen)} of these {len(asked)} kinds "
            f"({', '.join(seen)}): this is no score of unseen kinds"
        )


def _baseline(loaded: Checkpoint) -> Network:
    """The network of the condition that `BASELINES` names."""
    options, encoders = loaded.config.model, loaded.encoders
    if options.network == "affinity":
        options = replace(options, network="similarity")
    return build_network(options, encoders.channels, encoders.text_width)


class _Runner:
    """Runs batches of questions, window after window."""

    def __init__(
        self,
        loaded: Checkpoint,
        dataset: Dataset,
        source: FeatureSource,
        device: torch.device,
        options: EvaluateConfig,
        calibration: Calibration,
    ) -> None:
        self.calibration = calibration
        self.config, self.dataset, self.source = loaded.config, dataset, source
        self.device, self.window, self.per_frame = device, options.window, options.per_frame
        self.sharpen = options.sharpen
        self.annotation_size = not find_protocol(options.protocol).resized
        torch.manual_seed(UNTRAINED_SEED)
        self.baseline = _baseline(loaded).to(device).eval()
        self.trained = loaded.model
        self.tuner = None
        if options.finetune_steps:
            config = replace(loaded.config, evaluate=options)
            self.tuner = SupportTuner(loaded.model, config, dataset, source, device)

    def predict(self, batch: Sequence[Question]) -> list[EpisodePrediction]:
        """The records of a batch."""
        model = self.network(batch[0])
        length = len(batch[0].episode.query.frames)
        at_once = self.window or length
        sizes = [self.size(task.episode.query.video) for task in batch]
        windows = [
            self.answer(model, batch, range(start, min(start + at_once, length)), sizes)
            for start in range(0, length, at_once)
        ]
        return [
            self.record(task, self.calibrated(task, join([window[row] for window in windows])))
            for row, task in enumerate(batch)
        ]

    def calibrated(self, question: Question, answer: Answer) -> Answer:
        """With the run's probabilities, where it is the run's network that answers."""
        if not self.calibration.fitted or question.key.condition in BASELINES.values():
            return answer
        return replace(answer, presence=self.calibration.probability_of(answer.presence))

    def network(self, question: Question) -> Network:
        """Whoever is asked: with nothing taught, as trained, or tuned on the support, too."""
        if question.key.condition in BASELINES.values():
            return self.baseline
        if self.tuner is not None:
            return self.tuner.tuned(question.episode.support)
        return self.trained

    def answer(
        self,
        model: Network,
        batch: Sequence[Question],
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
        pictures = [self.pictures(e.query) for e in episodes] if self.sharpen else None
        stride = model.mask_stride
        return answers(said, inputs.query, stride, sizes, pictures, self.per_frame)

    def pictures(self, clip: Clip) -> list[Frame]:
        """The clip's frames, RGB, as the dataset has them."""
        return [self.dataset.frame(clip.video, frame) for frame in clip.frames]

    def size(self, video: str) -> tuple[int, int]:
        """(H, W) that masks are kept at: the annotations', or the network's by the protocol."""
        if not self.annotation_size:
            return self.source.size(video)
        ids = self.dataset.masks(video, 0)
        return ids.shape[0], ids.shape[1]

    def record(self, task: Question, answer: Answer) -> EpisodePrediction:
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
        return EpisodePrediction(task.key, info, answer.masks, answer.presence)


def _cut(clip: Clip, window: range) -> Clip:
    return replace(clip, frames=clip.frames[window.start : window.stop])
