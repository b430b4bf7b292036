"""The run folder and its evaluations: the name of every file in them, said here alone.

RUN/config.toml              what the network was made with, every key stated
   /model.safetensors        its weights
   /calibration.json         from its presence to a probability, and the clips that it was fitted on
   /metrics.jsonl            the course of its training, a line a look
   /tensorboard/             the same as event files, where tensorboard is installed
   /checkpoints/step-<n>.pt  what training goes on from, the last few
   /checkpoints/best.safetensors    the weights that did best on the held-back videos
   /encoders/                frozen encoders that came with imported weights
   /report.html              the page that `fsrvos report` writes
   /evaluations/<name>/      one folder an evaluation, named by dataset, fold and settings
       predictions.h5        the masks of every test episode
       manifests/seed<k>.json    which episodes those are
       score.json            what they score; .md the same for people, .csv a row an episode
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cache.whole import replace_text
from configs import Config, MissingError, from_toml, to_toml

CONFIG, REPORT, PREDICTIONS = "config.toml", "report.html", "predictions.h5"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class EvaluationFolder:
    """One evaluation: predictions, the episodes that they answer, and their score."""

    path: Path

    # All that may be in one; a folder with anything else in it is no former evaluation.
    NAMES = (PREDICTIONS, "manifests", "score.json", "score.md", "score.csv", REPORT)

    @property
    def predictions(self) -> Path:
        return self.path / PREDICTIONS

    @property
    def score(self) -> Path:
        return self.path / "score.json"

    @property
    def score_page(self) -> Path:
        return self.path / "score.md"

    @property
    def score_rows(self) -> Path:
        return self.path / "score.csv"

    @property
    def report(self) -> Path:
        return self.path / REPORT

    @property
    def exists(self) -> bool:
        """Whether there are predictions, or the score of some that were removed."""
        return self.predictions.is_file() or self.score.is_file()

    @property
    def made(self) -> int:
        """When it was, in nanoseconds since the epoch."""
        made = self.predictions if self.predictions.is_file() else self.score
        return made.stat().st_mtime_ns

    def manifest(self, seed: int) -> Path:
        """The episodes of one drawing of the support."""
        return self.path / "manifests" / f"seed{seed}.json"


@dataclass(frozen=True)
class RunFolder:
    """One training and what became of it. Nothing need be there."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / CONFIG

    @property
    def weights(self) -> Path:
        return self.path / WEIGHTS

    @property
    def calibration(self) -> Path:
        return self.path / "calibration.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def events(self) -> Path:
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.checkpoints / "best.safetensors"

    @property
    def encoders(self) -> Path:
        return self.path / "encoders"

    @property
    def report(self) -> Path:
        return self.path / REPORT

    def read_config(self) -> Config:
        """Raises MissingError (not there) or UsageError (malformed)."""
        if not self.config.is_file():
            raise MissingError(
                f"{self.path} holds no {CONFIG}; name a run folder that fsrvos train wrote"
            )
        return from_toml(self.config.read_text("utf-8-sig"), str(self.config))

    def write_config(self, config: Config) -> None:
        """Whole or not at all. Raises FsrvosError."""
        replace_text(self.config, to_toml(config))

    def evaluation(self, name: str) -> EvaluationFolder:
        """The evaluation of that name, there or not."""
        return EvaluationFolder(self.path / "evaluations" / name)

    def evaluations(self) -> list[EvaluationFolder]:
        """Those that are there, the newest first."""
        places = [path for path in self.path.glob("evaluations/*") if not path.name.startswith(".")]
        found = [folder for folder in map(EvaluationFolder, places) if folder.exists]
        return sorted(found, key=lambda folder: folder.made, reverse=True)


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, trained to its end or not."""
    return RunFolder(folder).config.is_file()


def digest_of_file(path: Path) -> str:
    """sha256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_weights(place: Path) -> Path:
    """The weights file of a run folder, or the file itself. Raises MissingError."""
    path = RunFolder(place).weights if place.is_dir() else place
    if not path.is_file():
        raise MissingError(f"{path} does not exist; name a run folder or a weights file")
    return path
