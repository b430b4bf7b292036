"""Mini-Ref-YouTube-VOS from raw Ref-YouTube-VOS.

SOURCE is the training part of Ref-YouTube-VOS as downloaded (``train/JPEGImages``,
``train/Annotations``, ``train/meta.json``, ``meta_expressions/train/meta_expressions.json``), or a
folder above or below; its other parts come without masks. Taken are videos with all their objects
and sentences and those frames that have both an image and a mask. Which of them a benchmark has,
`choosing` says.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stages.data.builders.raw import Benchmark, MaskFiles, RawVideo
from stages.data.builders.sources import find_root
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset, Video
from stages.data.files import stays_inside
from stages.data.index import scan

_INDEX = "meta_expressions/train/meta_expressions.json"


def read_youtube_vos(source: Path) -> Benchmark:
    """All videos; faults of single videos are reported as skipped, not raised."""
    dataset, faults = scan(find_root(source, _INDEX))
    if dataset is None:
        raise faults[0]
    videos = []
    skipped = [str(fault) for fault in faults]
    unknown = [
        line for line in skipped if "is not in meta.json" in line or "is missing; add" in line
    ]
    if len(unknown) > len(dataset.videos) // 10 + 1:
        skipped.insert(
            0,
            f"{len(unknown)} sentences are about objects that train/meta.json does not list: it "
            "may be the 2018 release of YouTube-VOS; Ref-YouTube-VOS is of the 2019 release",
        )
    for video in dataset.videos.values():
        raw = _with_files(dataset, video)
        if raw is None:
            skipped.append(f"video {video.id!r} left out: no frame has both an image and a mask")
        else:
            videos.append(raw)
    return Benchmark(OFFICIAL_CLASSES, tuple(videos), tuple(skipped), raw=len(dataset.videos))


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
    return RawVideo(replace(video, frames=tuple(frames)), tuple(images), MaskFiles(tuple(masks)))
