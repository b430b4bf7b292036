"""J and F of every annotated frame of every episode, worked out in parallel.

The work is cut by video, so that each annotation is decoded once however many seeds, expressions
and controls refer to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from configs.errors import DataError
from stages.data.dataset import Dataset
from stages.data.images import read_ids
from stages.predictions import EpisodeInfo, EpisodeKey, EpisodePrediction, read_predictions
from stages.scoring.metrics import region_and_contour
from stages.scoring.protocols import Protocol, resize_truth

Ids = npt.NDArray[np.uint8]

_WORTH_A_POOL = 4000
"""Frames below which starting worker processes takes longer than the scoring itself."""

_FRAMES_AT_ONCE = 16


@dataclass(frozen=True)
class EpisodeScore:
    """What an episode scored: ``j`` and ``f`` float64 [T], in [0, 1], of the ``frames`` that have
    an annotation and count."""

    key: EpisodeKey
    info: EpisodeInfo
    frames: tuple[str, ...]
    j: npt.NDArray[np.float64]
    f: npt.NDArray[np.float64]


@dataclass(frozen=True)
class VideoWork:
    """What a worker needs to score one video: where the masks lie and which episodes to read."""

    predictions: Path
    video: str
    episodes: tuple[tuple[EpisodeKey, EpisodeInfo], ...]
    annotations: Mapping[str, Path]


def score_episodes(
    predictions: Path,
    dataset: Dataset,
    protocol: Protocol,
    episodes: Sequence[tuple[EpisodeKey, EpisodeInfo]],
    jobs: int = 0,
) -> Iterator[list[EpisodeScore]]:
    """Score episodes, yielding those of one video at a time, in no particular order.

    Args:
        predictions: the file that `list_episodes` listed.
        dataset: the truth. Frames without an annotation file do not count.
        protocol: size and tolerance.
        episodes: which of them to score.
        jobs: worker processes; 0 takes every processor, and none where there is little to do.

    Raises:
        DataError: predictions and dataset do not belong together, or a file is malformed.
    """
    work = plan(predictions, dataset, episodes)
    frames = sum(len(info.frames) for _, info in episodes)
    if jobs == 0:
        jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        jobs = min(jobs, len(work)) if frames >= _WORTH_A_POOL else 1
    if jobs <= 1:
        return (score_video(item, protocol) for item in work)
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
    results: Iterator[list[EpisodeScore]] = pool(
        delayed(score_video)(item, protocol) for item in work
    )
    return results


def plan(
    predictions: Path, dataset: Dataset, episodes: Iterable[tuple[EpisodeKey, EpisodeInfo]]
) -> list[VideoWork]:
    """One piece of work a video, the longest first so that no worker is left with it at the end."""
    grouped: dict[str, list[tuple[EpisodeKey, EpisodeInfo]]] = {}
    for key, info in episodes:
        grouped.setdefault(info.video, []).append((key, info))
    work = []
    for video, members in grouped.items():
        annotations = _annotations(predictions, dataset, video)
        for key, info in members:
            _check_frames(predictions, dataset, key, info, annotations)
        work.append(VideoWork(predictions, video, tuple(members), annotations))
    return sorted(work, key=lambda item: -len(item.episodes) * len(item.annotations))


def score_video(work: VideoWork, protocol: Protocol) -> list[EpisodeScore]:
    """Score all episodes of one video; runs in a worker process."""
    import cv2

    cv2.setNumThreads(1)  # the workers already fill the processors
    truth = VideoTruth(work)
    return [
        score_prediction(prediction, truth, protocol)
        for prediction in read_predictions(work.predictions, episodes=work.episodes)
    ]


class VideoTruth:
    """The annotations of one video, decoded once."""

    def __init__(self, work: VideoWork) -> None:
        self.names = tuple(work.annotations)
        self._where = f"{work.predictions}: video {work.video!r}"
        self._ids = np.stack([read_ids(path) for path in work.annotations.values()])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the annotations."""
        return self._ids.shape[1], self._ids.shape[2]

    def counted(self, protocol: Protocol) -> tuple[int, int]:
        """The first of the frames that count, and the one after the last.

        Raises DataError where the protocol leaves none.
        """
        left_out = 1 if protocol.inner else 0
        if len(self.names) <= 2 * left_out:
            raise DataError(
                f"{self._where} has {len(self.names)} annotated frames, of which protocol "
                f"{protocol.name} leaves out the first and the last; choose another protocol"
            )
        return left_out, len(self.names) - left_out

    def masks(
        self, object_id: int, frames: slice, protocol: Protocol, size: tuple[int, int]
    ) -> npt.NDArray[np.bool_]:
        """bool [T, H, W] of an object at the size of the prediction.

        Raises DataError where the protocol compares at annotation size and the sizes differ.
        """
        truth = self._ids[frames] == object_id
        if protocol.resized:
            return resize_truth(truth, *size)
        if size != self.size:
            raise DataError(
                f"{self._where} has masks of {_by(size)} and annotations of {_by(self.size)}; "
                "use the dataset that was evaluated"
            )
        return truth


def score_prediction(
    prediction: EpisodePrediction, truth: VideoTruth, protocol: Protocol
) -> EpisodeScore:
    """J and F of one episode's annotated frames."""
    info = prediction.info
    where = {name: index for index, name in enumerate(info.frames)}
    masks = prediction.masks
    if info.frames != truth.names:
        masks = masks[[where[name] for name in truth.names]]
    first, stop = truth.counted(protocol)
    j, f = [], []
    for start in range(first, stop, _FRAMES_AT_ONCE):
        frames = slice(start, min(start + _FRAMES_AT_ONCE, stop))
        goal = truth.masks(info.object_id, frames, protocol, (info.height, info.width))
        region, contour = region_and_contour(masks[frames], goal, protocol.bound)
        j.append(region)
        f.append(contour)
    names = truth.names[first:stop]
    return EpisodeScore(prediction.key, info, names, np.concatenate(j), np.concatenate(f))


def _annotations(predictions: Path, dataset: Dataset, video: str) -> dict[str, Path]:
    """Frame name -> mask file, of the frames that have one."""
    if video not in dataset.videos:
        raise DataError(
            f"{predictions}: video {video!r} is not in {dataset.root}; "
            "name the dataset that was evaluated with --data"
        )
    paths = {name: dataset.mask_path(video, name) for name in dataset.videos[video].frames}
    present = {name: path for name, path in paths.items() if path.is_file()}
    if not present:
        raise DataError(f"{dataset.root}: video {video!r} has no annotations; it cannot be scored")
    return present


def _check_frames(
    predictions: Path,
    dataset: Dataset,
    key: EpisodeKey,
    info: EpisodeInfo,
    annotations: Mapping[str, Path],
) -> None:
    missing = [name for name in annotations if name not in set(info.frames)]
    if missing:
        raise DataError(
            f"{predictions}: /{key.group} lacks frame {missing[0]!r} of video {info.video!r} "
            f"({len(missing)} annotated frames in all); evaluate the run again"
        )
    if info.object_id not in dataset.videos[info.video].objects:
        raise DataError(
            f"{predictions}: /{key.group} is about object {info.object_id}, which video "
            f"{info.video!r} of {dataset.root} does not have; use the dataset that was evaluated"
        )


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
