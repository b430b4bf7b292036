"""Making the cells of a table: features, training, evaluation and score, each where it is missing.

What is there is left, whoever made it, and what was interrupted goes on: training from its last
checkpoint, the rest from the last file that is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cache import Place
from configs import Config, command
from stages.data.folds import EVERY_KIND
from stages.evaluate import evaluate
from stages.features import extract
from stages.grid.cells import Cell, config_of
from stages.model.networks import UNTRAINED
from stages.reporting.run import load_run
from stages.runs.folder import EvaluationFolder, RunFolder
from stages.runtime.progress import say
from stages.score import score
from stages.train import train


@dataclass(frozen=True)
class Grid:
    """Where cells are made, and of what.

    base: the preset or file that the methods are laid over. tested: the dataset of the test
    episodes, which may be another than `trained`. home: the folder of the runs. pairs: as --set
    takes them.
    """

    base: str
    pairs: tuple[str, ...]
    trained: Path
    tested: Path
    home: Path
    cache_root: Place
    device: str

    def make(self, cells: Sequence[Cell]) -> list[Path]:
        """Folders of the evaluations of all cells. Raises as features, train, evaluate, score."""
        ready: set[tuple[object, ...]] = set()
        made = []
        for number, cell in enumerate(cells, start=1):
            say(f"{number} of {len(cells)}: {cell}")
            name, config = config_of(self.base, cell.method, self.pairs)
            for root in dict.fromkeys((self.trained, self.tested)):
                features = (root, config.encoder, config.features)
                if features not in ready:
                    self.extract(root, name, config)
                    ready.add(features)
            made.append(self.score(self.evaluate(self.train(cell, name, config), cell, config)))
        return made

    def extract(self, root: Path, name: str, config: Config) -> None:
        """The features of every video of a dataset, for all folds at once."""
        extract(
            config=config,
            data_root=root,
            fold=EVERY_KIND,
            cache_root=self.cache_root,
            device=self.device,
            command=command(
                *("fsrvos", "features", "--data", root, "--fold", EVERY_KIND, "--config", name),
                *self._sets("encoder.", "features."),
                *("--cache-dir", self.cache_root),
            ),
        )

    def train(self, cell: Cell, name: str, config: Config) -> Path:
        """The run folder of a cell, trained."""
        stem = Path(name).name.removesuffix(".toml")
        run = self.home / f"seed{cell.seed}" / f"{self.trained.name}-{stem}-fold{cell.fold}"
        if config.model.network in UNTRAINED:
            RunFolder(run).write_config(config)
            return run
        train(
            config=config,
            data_roots=[self.trained],
            fold=cell.fold,
            run=run,
            cache_root=self.cache_root,
            device=self.device,
            seed=cell.seed,
            command=command(
                *("fsrvos", "train", "--from-cache", "--data", self.trained, "--run", run),
                *("--fold", cell.fold, "--config", name, *self._sets()),
                *("--cache-dir", self.cache_root, "--device", self.device, "--seed", cell.seed),
            ),
        )
        return run

    def evaluate(self, run: Path, cell: Cell, config: Config) -> EvaluationFolder:
        """All test episodes of a cell, with the controls."""
        own = RunFolder(run).read_config()
        options = replace(config.evaluate, finetune_steps=cell.tuned)
        tuning = ("--finetune-on-support", cell.tuned) if cell.tuned else ()
        return evaluate(
            data_root=self.tested,
            fold=cell.fold,
            run=run,
            config=replace(own, evaluate=options),
            cache_root=self.cache_root,
            device=self.device,
            keep=True,
            command=command(
                *("fsrvos", "evaluate", "--data", self.tested, "--fold", cell.fold, "--run", run),
                *(*tuning, *self._sets("evaluate.")),
                *("--cache-dir", self.cache_root, "--device", self.device),
            ),
        )

    def score(self, folder: EvaluationFolder) -> Path:
        """The folder of an evaluation, scored."""
        if load_run(folder.path).score is None:
            words = ("fsrvos", "score", folder.path, "--data", self.tested)
            score(predictions=folder.predictions, data_root=self.tested, command=command(*words))
        return folder.path

    def _sets(self, *sections: str) -> list[str]:
        """The pairs of some sections, all by default, as words of a command."""
        chosen = [pair for pair in self.pairs if not sections or pair.startswith(sections)]
        return [word for pair in chosen for word in ("--set", pair)]
