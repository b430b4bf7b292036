"""Section `train`: short real trainings, from a cache and with the encoders running live.

The rendered dataset is small, but a step is the preset's own: its batch, its network, its
augmentation, its loader. Both ways are trained in turn from the same seeds.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from configs import Config, load_config
from stages.benchmark.filling import CATEGORIES, VIDEOS
from stages.benchmark.setting import Setting
from stages.data.sample import render_sample
from stages.features import extract
from stages.runs.training import TrainReport
from stages.train import train

FOLD = 1
STEPS = 24
MOST_TURNS = 3  # a turn is two trainings
WARM_UP_STEPS = 2  # loads what is loaded once a process


def rows(
    setting: Setting, preset: str = "lite", videos: int = VIDEOS, steps: int = STEPS
) -> dict[str, float]:
    """wait_share: of the time of training from a cache, what goes to waiting for batches, the
    first one included. live_over_cached: steps a second from the cache over those with live
    encoders.

    videos: rendered of each of four categories.
    """
    folder = setting.work / "train"
    data, cache = folder / "data", folder / "cache"
    # Nothing is held back: what watches the training is no part of it.
    stated = [f"train.steps={steps}", "data.holdout=0"]
    config = load_config(preset, stated)
    folder.mkdir()
    render_sample(data, videos, jobs=1, categories=CATEGORIES)
    extract(config=config, data_root=data, fold=FOLD, cache_root=cache, device=setting.device)
    _train(load_config(preset, [*stated, f"train.steps={WARM_UP_STEPS}"]), folder, setting, 0, True)
    cached, live = [], []
    for seed in range(min(setting.rounds, MOST_TURNS)):
        cached.append(_train(config, folder, setting, seed, True))
        live.append(_train(config, folder, setting, seed, False))
    return {
        "wait_share": median(report.wait_share for report in cached),
        "live_over_cached": _speed(cached) / _speed(live),
    }


def _train(
    config: Config, folder: Path, setting: Setting, seed: int, from_cache: bool
) -> TrainReport:
    """One training, into a folder of its own."""
    way = "cached" if from_cache else "live"
    run = folder / f"{way}-{config.train.steps}-{seed}"
    data, cache = folder / "data", folder / "cache"
    return train(
        config=config,
        data_roots=[data],
        fold=FOLD,
        run=run,
        cache_root=cache,
        from_cache=from_cache,
        device=setting.device,
        seed=seed,
    )


def _speed(reports: list[TrainReport]) -> float:
    return median(report.steps_per_second for report in reports)
