"""Mini-Ref-SAIL-VOS from the authors' SAIL-VOS folder.

SAIL-VOS is synthetic video, given out on request; how the authors cut it into clips is not
published. SOURCE is therefore the folder they describe: ``Images/<video>/<frame>.bmp``,
``Annotations/<video>/<frame>.png``, ``meta.json`` and ``meta_expressions.json``. Classes are dog,
car and person, in this order; all three are tested in every fold and none is trained on. Where a
video lists one object, every label above 0 is that object (the authors set labels above 1 to 1);
where it lists several, labels stay as they are. Short clips, and frames without what is described,
are left out (`choosing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.errors import FsrvosError
from stages.data.builders.raw import Benchmark, MaskFiles, OneLabel, RawVideo
from stages.data.builders.sources import find_image, find_root, require_inside
from stages.data.dataset import Video
from stages.data.files import mapping, read_json
from stages.data.index import parse_video

SAIL_CLASSES = ("dog", "car", "person")
_IMAGES = ("Images", "JPEGImages")


def read_sail_vos(source: Path) -> Benchmark:
    """The videos of the three classes; faults of single videos are reported as skipped."""
    return read_flat(source, SAIL_CLASSES)


def read_flat(source: Path, classes: Sequence[str] | None) -> Benchmark:
    """The videos of a folder in that layout; without `classes`, of all categories, as they are."""
    source = find_root(source, "meta_expressions.json")
    meta_path, words_path = source / "meta.json", source / "meta_expressions.json"
    meta = mapping(mapping(read_json(meta_path), str(meta_path)).get("videos"), str(meta_path))
    words = mapping(mapping(read_json(words_path), str(words_path)).get("videos"), str(words_path))
    videos, faults = [], list[FsrvosError]()
    for video_id, entry in words.items():
        try:
            video = parse_video(video_id, entry, meta, words_path, meta_path, faults)
            if video is not None:
                videos.append(_with_files(source, video, one_label=classes is not None))
        except FsrvosError as fault:
            faults.append(fault)
    named = tuple(classes or sorted({raw.video.category for raw in videos}))
    skipped = tuple(map(str, faults))
    return Benchmark(named, tuple(videos), skipped, test_only=classes is not None, raw=len(words))


def _with_files(source: Path, video: Video, one_label: bool) -> RawVideo:
    images = next(
        (source / name for name in _IMAGES if (source / name).is_dir()), source / "Images"
    )
    files = tuple(find_image(images / video.id, name, source) for name in video.frames)
    folder = source / "Annotations" / video.id
    masks = tuple(folder / f"{name}.png" for name in video.frames)
    for mask in masks:
        require_inside(mask, source)
    if len(video.objects) > 1 or not one_label:
        return RawVideo(video, files, MaskFiles(masks))
    return RawVideo(video, files, OneLabel(masks, next(iter(video.objects))))
