"""Mini-MeViS from raw MeViS.

SOURCE is MeViS as downloaded: ``train/JPEGImages``, ``train/meta_expressions.json`` and
``train/mask_dict.json`` (also ``valid_u``, the other part with masks, is read where present).
MeViS names no categories and the few-shot authors' class list is not published, so SOURCE must
hold ``categories.json``, made by whoever builds the benchmark::

    {"<video>": {"<object id>": "dog", ...}, ...}

Classes are the categories found there, sorted, or those of ``classes.json`` beside it. A palette
PNG holds one object a pixel, so expressions about several objects at once are left out; where two
masks overlap the higher object id is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.builders.sources import find_image
from stages.data.builders.writing import Benchmark, Ids, RawVideo
from stages.data.dataset import Video
from stages.data.files import mapping, read_json
from stages.data.index import parse_video
from stages.data.rle import decode_rle
from stages.data.schema import ClassesFile, require_shape


def read_mevis(source: Path) -> Benchmark:
    """The videos with categories; faults of single videos are reported as skipped."""
    path = source / "categories.json"
    if not path.exists():
        raise MissingError(
            f"{path}: MeViS names no categories; write them there as "
            '{"<video>": {"<object id>": "<category>"}}'
        )
    categories = mapping(read_json(path), str(path))
    videos: list[RawVideo] = []
    skipped: list[str] = []
    for part in ("train", "valid_u"):
        if part == "train" or (source / part / "mask_dict.json").exists():
            _read_part(source / part, categories, videos, skipped)
    classes = sorted({raw.video.category for raw in videos})
    if (source / "classes.json").exists():
        listed = source / "classes.json"
        classes = require_shape(ClassesFile, read_json(listed), str(listed)).root
    kept = tuple(raw for raw in videos if raw.video.category in classes)
    return Benchmark(tuple(classes), kept, tuple(skipped))


@dataclass(frozen=True)
class _Singles:
    """One video's expressions about single objects.

    `entry` is the video's entry in the program's own form. `annotations` holds, per object id in
    the masks, MeViS's object id and the annotation's name. `plural` expressions were left out.
    """

    entry: dict[str, Any]
    annotations: dict[int, tuple[str, str]]
    plural: int


def _read_part(
    part: Path, categories: Mapping[str, Any], videos: list[RawVideo], skipped: list[str]
) -> None:
    words_path = part / "meta_expressions.json"
    words = mapping(mapping(read_json(words_path), str(words_path)).get("videos"), str(words_path))
    masks = mapping(read_json(part / "mask_dict.json"), str(part / "mask_dict.json"))
    named_at = part.parent / "categories.json"
    plural = 0
    for video_id, entry in words.items():
        if video_id not in categories:
            continue
        faults: list[FsrvosError] = []
        try:
            singles = _singles(entry, f"{words_path}: video {video_id!r}")
            plural += singles.plural
            named = mapping(categories[video_id], f"{named_at}: video {video_id!r}")
            objects = {
                str(object_id): {"category": named.get(original, "")}
                for object_id, (original, _) in singles.annotations.items()
            }
            meta = {video_id: {"objects": objects}}
            video = parse_video(video_id, singles.entry, meta, words_path, named_at, faults)
            if video is not None:
                videos.append(_with_masks(part, video, singles, masks))
        except FsrvosError as fault:
            faults.append(fault)
        skipped.extend(map(str, faults))
    if plural:
        skipped.append(f"{words_path}: {plural} expressions about several objects left out")


def _singles(entry: Any, where: str) -> _Singles:
    """MeViS numbers objects from 0, the masks need ids from 1: one is added."""
    entry = mapping(entry, where)
    expressions: dict[str, Any] = {}
    annotations: dict[int, tuple[str, str]] = {}
    plural = 0
    for key, value in mapping(entry.get("expressions"), f"{where}: expressions").items():
        value = mapping(value, f"{where}: expression {key!r}")
        objects, marks = value.get("obj_id"), value.get("anno_id")
        if not isinstance(objects, list) or not isinstance(marks, list):
            raise DataError(f"{where}: expression {key!r}: obj_id and anno_id must be lists")
        if len(objects) != 1 or len(marks) != 1:
            plural += 1
            continue
        original = str(objects[0])
        if not (original.isascii() and original.isdigit() and len(original) < 4):
            raise DataError(f"{where}: expression {key!r}: obj_id {original!r} is not a number")
        annotations[int(original) + 1] = (original, str(marks[0]))
        expressions[key] = {"exp": value.get("exp"), "obj_id": int(original) + 1}
    return _Singles({**entry, "expressions": expressions}, annotations, plural)


def _with_masks(part: Path, video: Video, singles: _Singles, masks: Mapping[str, Any]) -> RawVideo:
    images = tuple(
        find_image(part / "JPEGImages" / video.id, name, part.parent) for name in video.frames
    )
    places = {name: i for i, name in enumerate(singles.entry["frames"])}
    path = part / "mask_dict.json"
    for _, mark in singles.annotations.values():
        runs = masks.get(mark)
        if not isinstance(runs, list) or len(runs) != len(video.frames):
            raise DataError(
                f"{path}: annotation {mark!r} of video {video.id!r} has not one mask a frame; "
                "download the file again"
            )

    def ids(index: int) -> Ids:
        from PIL import Image

        with Image.open(images[index]) as image:
            width, height = image.size
        result = np.zeros((height, width), dtype=np.uint8)
        for object_id, (_, mark) in sorted(singles.annotations.items()):
            value = masks[mark][places[video.frames[index]]]
            if value is None:  # the object does not show in this frame
                continue
            mask = decode_rle(value, f"{path}: annotation {mark!r}")
            if mask.shape != result.shape:
                raise DataError(f"{path}: annotation {mark!r}: not of the size of {images[index]}")
            result[mask] = object_id
        return result

    return RawVideo(video, images, ids)
