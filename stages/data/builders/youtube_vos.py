"""Mini-Ref-YouTube-VOS from raw Ref-YouTube-VOS.

SOURCE is the training part of Ref-YouTube-VOS as downloaded (``train/JPEGImages``,
``train/Annotations``, ``train/meta.json``, ``meta_expressions/train/meta_expressions.json``); its
other parts come without masks. Taken is every video whose category (that of the last listed
expression's object) is among the 48 classes, with all its objects and expressions and those frames
that have both an image and a mask.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stages.data.builders.writing import Benchmark, RawVideo
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset, Video
from stages.data.files import stays_inside
from stages.data.index import scan


def read_youtube_vos(source: Path) -> Benchmark:
    """The chosen videos; faults of single videos are reported as skipped, not raised."""
    dataset, faults = scan(source)
    if dataset is None:
        raise faults[0]
    videos = []
    skipped = [str(fault) for fault in faults]
    for video in dataset.videos.values():
        if video.category not in OFFICIAL_CLASSES:
            continue
        raw = _with_files(dataset, video)
        if raw is None:
            skipped.append(f"video {video.id!r} left out: no frame has both an image and a mask")
        else:
            videos.append(raw)
    return Benchmark(OFFICIAL_CLASSES, tuple(videos), tuple(skipped))


def _with_files(dataset: Dataset, video: Video) -> RawVideo | None:
    """The video cut down to the frames that are complete and stay inside the source."""
    frames, images, masks = [], [], []
    for name in video.frames:
        image, mask = dataset.frame_path(video.id, name), dataset.mask_path(video.id, name)
        if all(path.is_file() and stays_inside(path, dataset.root) for path in (image, mask)):
            frames.append(name)
            images.append(image)
            masks.append(mask)
    if not frames:
        return None
    return RawVideo(replace(video, frames=tuple(frames)), tuple(images), masks.__getitem__)
