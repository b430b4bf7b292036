"""Episodic training: cached features and masks -> a run folder.

features + masks ──episodes──▶ batches ──network, losses──▶ AdamW ──▶ model.safetensors

Step i's episodes depend on the seed and i alone, so a run that was interrupted or killed goes on as
if it had not been. `metrics.jsonl` holds a line a look; a run that is complete is left as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from cache import Place
from cache.whole import UnwritableError
from configs import Config, FsrvosError, from_toml
from stages.caching.command import naming_the_command
from stages.data.dataset import Dataset
from stages.data.episodes import holdout_episodes, holdout_videos
from stages.data.folds import train_categories, videos_of
from stages.data.joined import load_datasets
from stages.data.sampling import require_two
from stages.feeding.batches import EpisodeBatch, FeatureSource
from stages.feeding.prefetch import Prefetch
from stages.feeding.sources import open_source
from stages.model.networks import build_network
from stages.model.prediction import Losses
from stages.runs.calibration import write_calibration
from stages.runs.checkpoint import (
    digest_of_weights,
    pinned,
    read_weights,
    require_encoders,
    save_checkpoint,
    save_weights,
    take_over,
)
from stages.runs.folder import RunFolder, find_weights
from stages.runs.journal import Journal
from stages.runs.progress import save_progress
from stages.runs.training import Former, TrainingIdentity, TrainReport, clear, find_former
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process
from stages.runtime.precision import warn_of_emulation
from stages.runtime.progress import say, track
from stages.runtime.provenance import provenance
from stages.training.draws import Draws
from stages.training.holdout import Holdout
from stages.training.interruption import Interruption
from stages.training.learning import Learner
from stages.training.randomness import random_state, restore_random_state


def train(
    *,
    config: Config,
    data_roots: Sequence[Path],
    fold: int,
    run: Path,
    cache_root: Place | None,
    from_cache: bool = True,
    device: str = "cpu",
    seed: int = 0,
    init: Path | None = None,
    overwrite: bool = False,
    command: str = "",
) -> TrainReport:
    """Train on the fold's training classes of all datasets and write the run folder.

    A run that is there with the same settings is left, or gone on with where it was interrupted;
    with more `train.steps` it is gone on with, too; with anything else stated otherwise it is
    refused.

    init: run folder or weights file to start from, as far as it agrees. overwrite: train anew,
    whatever is there. command: kept as provenance. Raises UsageError (no such fold, other settings
    than the run's, one of several processes), MissingError (features, dataset, init), DataError,
    CacheIntegrityError, FsrvosError (loss not finite, disk full), KeyboardInterrupt (also on
    SIGTERM). Whatever is raised while it learns, what was learnt is saved first, if it can be.
    """
    require_one_process()
    if not config.train.checkpointing:  # what it frees is to be free
        keep_freed_memory()
    warn_of_emulation("train.precision", config.train.precision, torch.device(device))
    dataset = load_datasets(data_roots)
    init_digest = "" if init is None else digest_of_weights(find_weights(init))
    source = open_source(config, dataset, cache_root, device, from_cache, user=run)
    identity = TrainingIdentity(
        config=pinned(config, source.encoders),
        dataset=dataset.digest,
        fold=fold,
        seed=seed,
        init=init_digest,
        live=not from_cache,
    )
    former = Former() if overwrite else find_former(run, identity)
    if former.report is not None:
        say(f"{run} is already trained: nothing to do")
        return replace(former.report, already_done=True)
    with naming_the_command(config, data_roots, fold, cache_root), Interruption() as interruption:
        training = _Training(identity, dataset, source, torch.device(device), run)
        training.start(former.progress, init)
        if overwrite:
            clear(run)
        if not RunFolder(run).weights.exists():
            RunFolder(run).write_config(identity.config)
        report = training.run(interruption)
        facts = {
            **training.facts(),
            "report": asdict(report),
            "data": [str(root.absolute()) for root in data_roots],
            "provenance": provenance(command=command, device=device),
        }
        save_checkpoint(run, training.model, identity.config, training.encoders, facts)
    return report


class _Training:
    """The state of one run: network, optimiser, where its episodes come from."""

    def __init__(
        self,
        identity: TrainingIdentity,
        dataset: Dataset,
        source: FeatureSource,
        device: torch.device,
        run: Path,
    ) -> None:
        self.identity, self.device, self.folder = identity, device, RunFolder(run)
        self.config, fold = identity.config, identity.fold
        self.categories = train_categories(dataset, fold)
        share, clips = self.config.data.holdout, self.config.data
        held = holdout_videos(dataset, fold, share)
        videos = frozenset(videos_of(dataset, fold, "train")) - held
        for category in self.categories:
            require_two(dataset, category, len(videos & {*dataset.by_category[category]}))
        episodes = holdout_episodes(dataset, fold, share, clips.frames, clips.support_frames)
        self.holdout = Holdout(episodes, dataset, source, self.config, device)
        self.draws = Draws(
            dataset, source, self.config, identity.seed, self.categories, videos, device
        )
        source.prepare(sorted(videos), augmented=self.config.train.augment)
        source.prepare(sorted(held))
        self.encoders = source.encoders
        torch.manual_seed(identity.seed)
        self.model = build_network(
            self.config.model, self.encoders.channels, self.encoders.text_width
        ).to(device)
        self.learner = Learner(self.model, self.config, device)
        # What a checkpoint holds beside the weights and the optimiser. settled: whether the weights
        # are those of the step; random: the state that the coming step begins with.
        self.step, self.settled, self.random = 0, True, random_state(device)
        self.journal: dict[str, Any] = {}
        self.best: dict[str, float] = {}
        # Steps at which train.steps was raised, each with what it had been.
        self.lengthened: list[tuple[int, int]] = []
        self.kept, self.kept_at = 0, time.monotonic()
        self.begun, self.seconds_before = time.perf_counter(), 0.0

    def start(self, saved: dict[str, Any] | None, init: Path | None) -> None:
        """Go on from saved progress, or from `init`'s weights, or from the beginning."""
        if saved is not None:
            self.step = self.kept = int(saved["step"])
            self.seconds_before = float(saved.get("seconds", 0.0))
            self.model.load_state_dict(saved["model"])
            self.learner.go_on(saved["optimizer"], self.step)
            restore_random_state(saved.get("random", {}), self.device)
            self.random = random_state(self.device)
            self.journal, self.best = saved.get("journal", {}), saved.get("best", {})
            self.lengthened = [(at, steps) for at, steps in saved.get("lengthened", ())]
            self.note_length(from_toml(saved["identity"]["config"]).train.steps)
        elif init is not None:
            path = find_weights(init)
            state, encoders, _ = read_weights(path)
            require_encoders(encoders, self.encoders, init)
            say(take_over(self.model, state, path))

    def note_length(self, before: int) -> None:
        """Say where training goes on, and by which schedule; `before` is its former length."""
        steps = self.config.train.steps
        if before == steps:
            say(f"going on from step {self.step}")
            return
        self.lengthened.append((self.step, before))
        say(
            f"going on from step {self.step}, of {steps} steps where it was {before}: the learning "
            f"rate is that of {steps} steps from here on, next {self.learner.learning_rate:.3g}"
        )

    def run(self, interruption: Interruption) -> TrainReport:
        """All steps left. Raises as `train`."""
        options, first = self.config.train, self.step
        self.begun = time.perf_counter()
        batches = Prefetch(
            self.draws, range(first, options.steps), options.loader_threads, options.prefetch
        )
        stepping = 0.0
        with closing(Journal(self.folder.path, first, self.journal)) as journal:
            try:
                with interruption.held_back():
                    for batch in track(batches, total=options.steps - first, description="train"):
                        started = time.perf_counter()
                        losses = self.learn(batch)
                        spent = time.perf_counter() - started
                        stepping += spent
                        norm = self.learner.norm
                        journal.count(losses, gradient_norm=norm, step_seconds=spent)
                        wait = batches.waited / max(stepping + batches.waited, 1e-9)
                        self.look(journal, wait)
                        if self.is_due() or interruption.requested:
                            self.keep(journal)
                        if interruption.requested:
                            say(f"saved step {self.step}; the same command goes on from there")
                            raise KeyboardInterrupt
            except Exception:
                self.rescue(journal)
                raise
            if (calibration := self.holdout.calibrate(self.model)).fitted:
                write_calibration(self.folder.path, calibration)
            seconds = time.perf_counter() - self.begun
            quality = self.holdout.mean_j(self.model)
            journal.note(self.step, holdout_J=quality)
        return TrainReport(
            run=str(self.folder.path),
            steps=self.step,
            parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            seconds=self.seconds_before + seconds,
            steps_per_second=(self.step - first) / max(seconds, 1e-9),
            wait_share=batches.waited / max(stepping + batches.waited, 1e-9),
            holdout_J=quality,
        )

    def learn(self, batch: EpisodeBatch) -> Losses:
        """One step of the optimiser. Raises FsrvosError where the loss is not finite."""
        self.model.train()
        losses = self.learner.gradients(batch)
        total, norm = float(losses.total.detach()), self.learner.norm
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise FsrvosError(
                f"the loss is {total} at step {self.step} and its gradient's norm {norm}; lower "
                "train.learning_rate or set train.precision=fp32"
            )
        self.settled = False
        self.learner.descend()
        self.step, self.random, self.settled = self.step + 1, random_state(self.device), True
        return losses

    def look(self, journal: Journal, wait_share: float) -> None:
        """What the journal is told after a step, where one is due."""
        options = self.config.train
        last = self.step == options.steps
        if last or self.step % options.log_every == 0:
            journal.log(self.step, self.learner.learning_rate, wait_share)
        if options.holdout_every and self.step % options.holdout_every == 0 and not last:
            quality = self.holdout.mean_j(self.model)
            journal.note(self.step, holdout_J=quality)
            if quality > self.best.get("holdout_J", -1.0):
                self.best = {"step": self.step, "holdout_J": quality}
                facts = {**self.facts(), "best": self.best}
                save_weights(self.folder.best, self.model, self.encoders, facts)

    def is_due(self) -> bool:
        """Whether a checkpoint is, by steps or by minutes."""
        options = self.config.train
        minutes = (time.monotonic() - self.kept_at) / 60
        late = options.checkpoint_minutes and minutes >= options.checkpoint_minutes
        return bool(late or self.step == options.steps or self.step % options.checkpoint_every == 0)

    def keep(self, journal: Journal) -> None:
        """Save all that going on needs."""
        state = {
            "identity": self.identity.to_facts(),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "random": self.random,
            "journal": journal.state(),
            "best": self.best,
            "lengthened": self.lengthened,
            "seconds": self.seconds_before + time.perf_counter() - self.begun,
        }
        save_progress(self.folder.checkpoints, state, self.config.train.keep_checkpoints)
        self.kept, self.kept_at = self.step, time.monotonic()

    def rescue(self, journal: Journal) -> None:
        """After a failure, save what was learnt before it; the failure itself is told, not this."""
        if self.settled and self.step > self.kept:
            with suppress(UnwritableError):
                self.keep(journal)

    def facts(self) -> dict[str, Any]:
        """What weights of this training say of themselves."""
        return {
            **self.identity.to_facts(),
            "categories": list(self.categories),
            "lengthened": self.lengthened,
        }
