"""Episodic training: cached features and masks -> a run folder.

features + masks ──episodes──▶ batches ──network, losses──▶ AdamW ──▶ model.safetensors

Step i's episodes depend on the seed and i alone, so a run that was interrupted goes on as if it
had not been. `metrics.jsonl` holds a line a look; a run that is complete is left as it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cache import Place
from configs import Config, FsrvosError, from_toml
from stages.caching.command import naming_the_command
from stages.data.dataset import Dataset
from stages.data.episodes import Episode, holdout_episodes, holdout_videos, sample_episode
from stages.data.folds import train_categories, videos_of
from stages.data.joined import load_datasets
from stages.data.nouns import hide_noun
from stages.data.sampling import mismatched, require_two
from stages.feeding.batches import EpisodeBatch, FeatureSource, collate
from stages.feeding.prefetch import Prefetch
from stages.feeding.sources import open_source
from stages.model.networks import build_network
from stages.model.prediction import Losses
from stages.runs.calibration import write_calibration
from stages.runs.checkpoint import (
    digest_of_weights,
    fill,
    pinned,
    read_weights,
    require_encoders,
    save_checkpoint,
    save_progress,
)
from stages.runs.folder import RunFolder, find_weights
from stages.runs.journal import Journal
from stages.runs.training import Former, TrainingIdentity, TrainReport, clear, find_former
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process
from stages.runtime.precision import warn_of_emulation
from stages.runtime.progress import say, track
from stages.runtime.provenance import provenance
from stages.training.augmentation import Augmentation
from stages.training.holdout import Holdout
from stages.training.learning import Learner
from stages.training.perturbation import perturb
from stages.training.randomness import random_state, restore_random_state

# Views are drawn apart from episodes: what is trained on is the same with and without them.
VIEWS = 1


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

    init: run folder or weights file to start from. overwrite: train anew, whatever is there.
    command: kept as provenance. Raises UsageError (no such fold, other settings than the run's, one
    of several processes), MissingError (features, dataset, init), DataError, CacheIntegrityError,
    FsrvosError (loss not finite, disk full).
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
    with naming_the_command(config, data_roots, fold, cache_root):
        training = _Training(identity, dataset, source, torch.device(device))
        training.start(former.progress, init)
        if overwrite:
            clear(run)
        if not RunFolder(run).weights.exists():
            RunFolder(run).write_config(identity.config)
        report = training.run(run)
    facts = {
        **identity.to_facts(),
        "categories": list(training.categories),
        "report": asdict(report),
        "data": [str(root.absolute()) for root in data_roots],
        "lengthened": training.lengthened,
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
    ) -> None:
        self.identity, self.dataset, self.source, self.device = identity, dataset, source, device
        self.config, self.seed = config, seed = identity.config, identity.seed
        fold = identity.fold
        self.categories = train_categories(dataset, fold)
        share = config.data.holdout
        held = holdout_videos(dataset, fold, share)
        self.videos = frozenset(videos_of(dataset, fold, "train")) - held
        for category in self.categories:
            require_two(dataset, category, len(self.videos & {*dataset.by_category[category]}))
        episodes = holdout_episodes(
            dataset, fold, share, config.data.frames, config.data.support_frames
        )
        self.holdout = Holdout(episodes, dataset, source, config, device)
        source.prepare(sorted(self.videos), augmented=config.train.augment)
        source.prepare(sorted(held))
        self.encoders = source.encoders
        torch.manual_seed(seed)
        self.model = build_network(
            config.model, self.encoders.channels, self.encoders.text_width
        ).to(device)
        self.learner = Learner(self.model, config, device)
        self.step = 0
        self.begun, self.seconds_before = time.perf_counter(), 0.0
        # Steps at which train.steps was raised, each with what it had been.
        self.lengthened: list[tuple[int, int]] = []

    def start(self, saved: dict[str, Any] | None, init: Path | None) -> None:
        """Go on from saved progress, or from `init`'s weights, or from the beginning."""
        if saved is not None:
            self.step = int(saved["step"])
            self.seconds_before = float(saved.get("seconds", 0.0))
            self.model.load_state_dict(saved["model"])
            self.learner.go_on(saved["optimizer"], self.step)
            restore_random_state(saved.get("random", {}), self.device)
            self.lengthened = [(at, steps) for at, steps in saved.get("lengthened", ())]
            self.note_length(from_toml(saved["identity"]["config"]).train.steps)
        elif init is not None:
            path = find_weights(init)
            state, encoders, _ = read_weights(path)
            require_encoders(encoders, self.encoders, init)
            fill(self.model, state, path)

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

    def run(self, run: Path) -> TrainReport:
        """All steps left. Raises FsrvosError when the loss is not finite."""
        options, first = self.config.train, self.step
        self.begun = time.perf_counter()
        batches = Prefetch(
            self.batch, range(first, options.steps), options.loader_threads, options.prefetch
        )
        stepping = 0.0
        with closing(Journal(run, first)) as journal:
            for batch in track(batches, total=options.steps - first, description="train"):
                started = time.perf_counter()
                losses = self.learn(batch)
                stepping += time.perf_counter() - started
                journal.count(losses)
                last = self.step == options.steps
                if last or self.step % options.log_every == 0:
                    wait = batches.waited / max(stepping + batches.waited, 1e-9)
                    journal.log(self.step, self.learner.learning_rate, wait)
                if options.holdout_every and self.step % options.holdout_every == 0 and not last:
                    journal.note(self.step, holdout_J=self.holdout.mean_j(self.model))
                if last or self.step % options.checkpoint_every == 0:
                    self.keep(run)
            if (calibration := self.holdout.calibrate(self.model)).fitted:
                write_calibration(run, calibration)
            seconds = time.perf_counter() - self.begun
            quality = self.holdout.mean_j(self.model)
            journal.note(self.step, holdout_J=quality)
        return TrainReport(
            run=str(run),
            steps=self.step,
            parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            seconds=self.seconds_before + seconds,
            steps_per_second=(self.step - first) / max(seconds, 1e-9),
            wait_share=batches.waited / max(stepping + batches.waited, 1e-9),
            holdout_J=quality,
        )

    def batch(self, step: int) -> EpisodeBatch:
        """Step `step`'s episodes, twins in pairs."""
        rng = np.random.default_rng([self.seed, step])
        options, stated = self.config.data, self.config.train
        augment = Augmentation(
            self.dataset, self.source, stated, np.random.default_rng([self.seed, step, VIEWS])
        )
        episodes, sentences, draws = list[Episode](), list[str](), list[int]()
        for draw in range(stated.videos_per_step):
            drawn = sample_episode(
                self.dataset,
                self.categories,
                rng,
                options.frames,
                options.support_frames,
                paired=stated.paired,
                videos=self.videos,
                twin_share=stated.twin_share,
            )
            if stated.wrong_support and rng.random() < stated.wrong_support:
                drawn = mismatched(self.dataset, drawn, self.categories, rng, self.videos)
            hidden = rng.random() < stated.hide_nouns
            episodes += augment(drawn)
            sentences += [self.sentence(episode, hidden) for episode in drawn]
            draws += [draw] * len(drawn)
        batch = collate(self.dataset, self.source, episodes, self.device, sentences)
        twins = tuple((i, i + 1) for i, (a, b) in enumerate(pairwise(draws)) if a == b)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return perturb(replace(batch, twins=twins), draws, stated, noise)

    def sentence(self, episode: Episode, hidden: bool) -> str:
        """The query's sentence, or what it says without naming the category."""
        text = episode.query.expression.text
        return hide_noun(text, episode.category) if hidden else text

    def learn(self, batch: EpisodeBatch) -> Losses:
        """One step of the optimiser."""
        self.model.train()
        losses = self.learner.losses(batch)
        if not torch.isfinite(losses.total):
            raise FsrvosError(
                f"the loss is {losses.total.item()} at step {self.step}; lower train.learning_rate "
                "or set train.precision=fp32"
            )
        self.learner.descend(losses)
        self.step += 1
        return losses

    def keep(self, run: Path) -> None:
        """Save all that going on needs."""
        state = {
            "identity": self.identity.to_facts(),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "random": random_state(self.device),
            "lengthened": self.lengthened,
            "seconds": self.seconds_before + time.perf_counter() - self.begun,
        }
        save_progress(RunFolder(run).progress, state)
