"""Sample episodes as pictures: the best, the worst and what lies between.

Every picture is a data address, so that the page stays a single file.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from configs.errors import FsrvosError
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.data.overlay import MASK_COLOUR, TRUTH_COLOUR, evenly
from stages.predictions import EpisodeInfo, list_episodes, read_predictions
from stages.scoring.episodes import EpisodeScore, score_episodes
from stages.scoring.protocols import find_protocol

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

QUANTILES = {
    "best": 1.0,
    "worst": 0.0,
    "median": 0.5,
    "upper quarter": 0.75,
    "lower quarter": 0.25,
}
"""Which episodes are shown; of few episodes one may stand at several, and takes the first name."""

_QUERY_FRAMES, _SUPPORT_FRAMES = 5, 3
_LEAST_WIDTH = 400
_JPEG_QUALITY = 86

PREDICTION_CSS = "rgb({}, {}, {})".format(*MASK_COLOUR)
TRUTH_CSS = "rgb({}, {}, {})".format(*TRUTH_COLOUR)


@dataclass(frozen=True)
class Sample:
    """An episode to show: J and F in percent, pictures as data addresses."""

    rank: str
    info: EpisodeInfo
    j: float
    f: float
    support: tuple[str, ...]
    frames: tuple[tuple[str, str, float], ...]  # (picture, frame name, J of the frame in percent)


def sample_episodes(predictions: Path, data_root: Path, protocol: str) -> list[Sample]:
    """Episodes of the model's first seed at fixed quantiles of J.

    Raises FsrvosError when the dataset or the predictions cannot be read; the page then says so.
    """
    dataset = load_dataset(data_root)
    episodes = [item for item in list_episodes(predictions, ["model"])]
    first = min((key.seed for key, _ in episodes), default=0)
    episodes = [(key, info) for key, info in episodes if key.seed == first]
    found = score_episodes(predictions, dataset, find_protocol(protocol), episodes, jobs=1)
    scores = sorted(
        (item for of_video in found for item in of_video),
        key=lambda item: (float(item.j.mean()), item.key),
    )
    chosen = pick(scores)
    masks = {
        item.key: item.masks
        for item in read_predictions(
            predictions, episodes=[(score.key, score.info) for _, score in chosen]
        )
    }
    return [_sample(rank, score, masks[score.key], dataset) for rank, score in chosen]


def pick(scores: Sequence[EpisodeScore]) -> list[tuple[str, EpisodeScore]]:
    """From scores in rising order of J those at the quantiles, each once, the best first."""
    names: dict[int, str] = {}
    for name, share in QUANTILES.items() if scores else ():
        names.setdefault(round(share * (len(scores) - 1)), name)
    return [(names[index], scores[index]) for index in sorted(names, reverse=True)]


def _sample(rank: str, score: EpisodeScore, masks: Mask, dataset: Dataset) -> Sample:
    info = score.info
    names = dataset.videos[info.video].frames
    frames = []
    for index in evenly(len(score.frames), _QUERY_FRAMES):
        name = score.frames[index]
        position = names.index(name)
        truth = dataset.masks(info.video, position) == info.object_id
        pred = masks[info.frames.index(name)]
        picture = compare_masks(dataset.frame(info.video, position), pred, truth)
        frames.append((data_address(picture), name, 100 * float(score.j[index])))
    j, f = 100 * float(score.j.mean()), 100 * float(score.f.mean())
    return Sample(rank, info, j, f, _support(info, dataset), tuple(frames))


def _support(info: EpisodeInfo, dataset: Dataset) -> tuple[str, ...]:
    """Pictures of the support's frames with their masks; none where the file does not name them."""
    video = dataset.videos.get(info.support_video)
    if video is None:
        return ()
    known = [name for name in info.support_frames if name in video.frames]
    pictures = []
    for index in evenly(len(known), _SUPPORT_FRAMES):
        position = video.frames.index(known[index])
        mask = dataset.masks(video.id, position) == info.support_object
        frame, mask = _enlarged(dataset.frame(video.id, position), mask)
        pictures.append(data_address(_outlined(frame, mask)))
    return tuple(pictures)


def compare_masks(frame: Image, pred: Mask, truth: Mask) -> Image:
    """The frame with the prediction tinted and the truth outlined; small frames enlarged.

    ``frame`` uint8 [H, W, 3]; the masks may have another size, as in the paper's protocol.
    """
    large, truth = _enlarged(frame, truth)
    _, pred = _enlarged(frame, pred)
    return _outlined(_tinted(large, pred), truth)


def _enlarged(frame: Image, mask: Mask) -> tuple[Image, Mask]:
    import cv2

    factor = max(1, -(-_LEAST_WIDTH // frame.shape[1]))
    size = frame.shape[1] * factor, frame.shape[0] * factor
    if factor > 1:
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    resized = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return frame, np.asarray(resized, dtype=np.uint8).view(np.bool_)


def _tinted(frame: Image, mask: Mask) -> Image:
    """The mask in one strong colour over a paler frame, so that no object's own colour is mistaken
    for it; paler only so far that the colours a sentence names can still be told."""
    grey = frame.mean(axis=2, keepdims=True)
    pale = 0.45 * frame + 0.25 * grey + 0.30 * 255
    tint = np.asarray(MASK_COLOUR, dtype=np.float32)
    pale[mask] = 0.3 * frame[mask] + 0.7 * tint
    return np.asarray(pale, dtype=np.uint8)


def _outlined(frame: Image, mask: Mask) -> Image:
    """A thin bright line on a thin dark one: visible on any background."""
    import cv2

    drawn = frame.copy()
    contours = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(drawn, contours, -1, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, TRUTH_COLOUR, 2, cv2.LINE_AA)
    return drawn


def data_address(image: Image) -> str:
    """An RGB picture [H, W, 3] as a JPEG data address: a tenth of a PNG's bytes."""
    import cv2

    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise FsrvosError("a sample picture could not be encoded; reinstall opencv-python")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
