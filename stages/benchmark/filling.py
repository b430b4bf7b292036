"""How busy extraction keeps its encoder: `stages.features` against the bare encoder.

Extraction is timed whole, from an empty feature cache to the last file in place, on one category
of videos and on four. What the three more take is its steady state; what a run takes beyond that is
its start. Sentences are cached before, since another encoder makes them, and counted apart. Maps
are put aside between runs, not removed: some file systems are slow to make files just after others
were removed, and nobody extracts so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from configs import Config
from stages.benchmark.measure import alternate
from stages.benchmark.setting import Setting
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.data.resize import fitted_size, resize_frame
from stages.data.sample import render_sample
from stages.encoders import load_vision
from stages.features import FeaturesReport, extract

# The first of four classes is fold 1's test split.
CATEGORIES = ("rabbit", "car", "cup", "fish")
VIDEOS = 8


def fill(
    setting: Setting,
    config: Config,
    videos: int = VIDEOS,
    size: tuple[int, int] = (320, 192),
) -> dict[str, float]:
    """fill_share: extraction's throughput in its steady state over the bare encoder's on the same
    frames, in memory and at network size. fill_start_frames, fill_sentence_frames: what starting
    and what a sentence costs, in frames of the bare encoder.

    videos: of each of four categories, of eight frames each; size: (W, H) of their frames.
    """
    data, cache, aside = (setting.work / name for name in ("data", "cache", "aside"))
    render_sample(data, videos, jobs=1, categories=CATEGORIES, size=size)
    clip = network_frames(config, load_dataset(data))
    vision = load_vision(config.encoder, setting.device)
    aside.mkdir()
    names = count()

    def run(split: str) -> FeaturesReport:
        return extract(
            config=config,
            data_root=data,
            fold=1,
            split=split,
            cache_root=cache,
            device=setting.device,
            progress=_quiet,
        )

    def bare() -> None:
        size = config.features.batch_frames
        for start in range(0, len(clip), size):
            vision(torch.from_numpy(clip[start : start + size]).to(setting.device))

    first = run("all")

    def put_aside(key: str) -> None:
        (cache / key).rename(aside / str(next(names)))
        (cache / "index.sqlite").unlink(missing_ok=True)

    seconds = alternate(
        {
            "bare": bare,
            "no maps": partial(put_aside, first.key),
            "one": partial(run, "test"),
            "no maps again": partial(put_aside, first.key),
            "four": partial(run, "all"),
            "nothing": partial(run, "all"),
            "no text": partial(put_aside, first.text_key),
            "text": partial(run, "all"),
        },
        setting.rounds,
    )
    shutil.rmtree(aside)
    return figures(seconds, len(clip), first.text_misses)


def figures(seconds: Mapping[str, float], frames: int, sentences: int) -> dict[str, float]:
    """The rows, from the seconds of runs over all `frames` and over a quarter of them."""
    bare = seconds["bare"] / frames
    steady = (seconds["four"] - seconds["one"]) / (frames * 3 / 4)
    start = seconds["one"] - steady * frames / 4
    sentence = (seconds["text"] - seconds["nothing"]) / sentences
    return {
        "fill_share": bare / steady,
        "fill_start_frames": start / bare,
        "fill_sentence_frames": sentence / bare,
    }


def network_frames(config: Config, dataset: Dataset) -> NDArray[np.uint8]:
    """All frames [N, H, W, 3] of a dataset of equally large videos, as the encoder gets them."""
    frames = [
        dataset.frame(name, index)
        for name, video in dataset.videos.items()
        for index in range(len(video.frames))
    ]
    options = config.features
    height, width = frames[0].shape[:2]
    size = fitted_size(height, width, options.short_side, options.long_side)
    return np.stack([resize_frame(frame, size) for frame in frames])


def _quiet(steps: Iterable[Any], **_: object) -> Iterable[Any]:
    return steps
