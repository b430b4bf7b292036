"""Building and validating the dataset index: every fault is collected, none stops the scan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset, Expression, Video
from stages.data.files import clean_expression, mapping, plain_name, read_json, stays_inside
from stages.data.images import IMAGE_SUFFIXES
from stages.data.order import in_natural_order
from stages.data.sources import read_sources

Faults = list[FsrvosError]


def load_dataset(root: Path | str) -> Dataset:
    """Read and validate the index under `root`.

    Raises MissingError (absent folder or files) or DataError (malformed or unsafe content); the
    line names the first fault and how many more there are.
    """
    dataset, faults = scan(Path(root))
    if faults:
        first = faults[0]
        more = f" (and {len(faults) - 1} more: fsrvos data check {root})" if faults[1:] else ""
        kind = MissingError if isinstance(first, MissingError) else DataError
        raise kind(f"{first}{more}")
    if dataset is None:
        raise DataError(f"{root}: no dataset could be read; run fsrvos data check {root}")
    return dataset


def scan(root: Path) -> tuple[Dataset | None, list[FsrvosError]]:
    """The index under `root` with whatever is sound in it, and every fault found."""
    faults: Faults = []
    if not root.is_dir():
        hint = "give the dataset's folder, or make one with: fsrvos data sample DIR"
        return None, [MissingError(f"{root}: no such dataset folder; {hint}")]
    root = root.resolve()
    meta_path = root / "train" / "meta.json"
    words_path = root / "meta_expressions" / "train" / "meta_expressions.json"
    try:
        meta = _videos(meta_path, root)
        words = _videos(words_path, root)
    except FsrvosError as fault:
        return None, [fault]
    videos: list[Video] = []
    suffixes: dict[str, str] = {}
    for video_id, entry in words.items():
        try:
            video = parse_video(video_id, entry, meta, words_path, meta_path, faults)
            suffixes[video_id] = _check_files(root, video, faults)
            videos.append(video)
        except FsrvosError as fault:
            faults.append(fault)
    if not words:
        faults.append(DataError(f"{words_path}: lists no video; rebuild the dataset"))
    try:
        categories = _categories(root, videos, faults)
        sources = read_sources(root)
    except FsrvosError as fault:
        return None, [*faults, fault]
    return Dataset(root, categories, videos, suffixes, sources), faults


def _videos(path: Path, root: Path) -> Mapping[str, Any]:
    """The `videos` object of one of the two JSON files."""
    if path.exists() and not stays_inside(path, root):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    return mapping(mapping(read_json(path), str(path)).get("videos"), f"{path}: videos")


def parse_video(
    video_id: str,
    entry: Any,
    meta: Mapping[str, Any],
    words_path: Path,
    meta_path: Path,
    faults: Faults,
) -> Video:
    """One video's entry of both files; raises on what makes the video unusable."""
    where = f"{words_path}: video {video_id!r}"
    if not plain_name(video_id):
        raise DataError(f"{where}: the id leaves the dataset's folder; use a plain folder name")
    entry = mapping(entry, where)
    if video_id not in meta:
        raise DataError(f"{meta_path}: video {video_id!r} is missing; add its objects")
    frames = _frames(entry.get("frames"), where)
    objects = _objects(meta[video_id], f"{meta_path}: video {video_id!r}")
    expressions: list[Expression] = []
    for key, value in mapping(entry.get("expressions"), f"{where}: expressions").items():
        try:
            expressions.append(_expression(video_id, key, value, objects, where))
        except FsrvosError as fault:
            faults.append(fault)
    if not expressions:
        raise DataError(f"{where}: has no usable expression; add one or remove the video")
    return Video(
        id=video_id,
        frames=frames,
        objects=objects,
        expressions=tuple(expressions),
        category=objects[expressions[-1].object_id],
    )


def _frames(value: object, where: str) -> tuple[str, ...]:
    """Frame names in natural order."""
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: frames must be a non-empty list of names")
    for name in value:
        if not plain_name(name):
            raise DataError(f"{where}: frame {name!r} leaves the folder; use a plain file name")
    if len(set(value)) != len(value):
        raise DataError(f"{where}: frames are listed twice; list each name once")
    return in_natural_order(value)


def _objects(value: object, where: str) -> dict[int, str]:
    """Object id -> category."""
    objects: dict[int, str] = {}
    listed = mapping(mapping(value, where).get("objects"), f"{where}: objects")
    for key, entry in listed.items():
        spot = f"{where}: object {key!r}"
        category = mapping(entry, spot).get("category")
        if not isinstance(category, str) or not category.strip():
            raise DataError(f"{spot}: the category is empty; name it")
        objects[_object_id(key, spot)] = category.strip()
    return objects


def _object_id(value: object, where: str) -> int:
    """An object id as an integer 1..255, which is what a palette PNG can hold."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 255:
        raise DataError(f"{where}: object id {value!r} must be a whole number from 1 to 255")
    return value


def _expression(
    video_id: str, key: str, value: Any, objects: Mapping[int, str], where: str
) -> Expression:
    spot = f"{where}: expression {key!r}"
    entry = mapping(value, spot)
    object_id = _object_id(entry.get("obj_id"), spot)
    if object_id not in objects:
        raise DataError(f"{spot}: object {object_id} is not in meta.json; add it or correct obj_id")
    return Expression(video_id, key, clean_expression(entry.get("exp"), spot), object_id)


def _check_files(root: Path, video: Video, faults: Faults) -> str:
    """The suffix of the video's images; a missing or escaping file is a fault each."""
    images = _listing(root / "train" / "JPEGImages" / video.id, root, faults)
    masks = _listing(root / "train" / "Annotations" / video.id, root, faults)
    suffix = next((s for s in IMAGE_SUFFIXES if video.frames[0] + s in images), ".jpg")
    for kind, folder, found, end in (
        ("image", "JPEGImages", images, suffix),
        ("mask", "Annotations", masks, ".png"),
    ):
        absent = [f for f in video.frames if f + end not in found]
        if absent:
            path = root / "train" / folder / video.id / (absent[0] + end)
            more = f" and {len(absent) - 1} more of this video" if absent[1:] else ""
            hint = "restore the files or remove the frames from meta_expressions.json"
            faults.append(MissingError(f"{path}: no such {kind}{more}; {hint}"))
    return suffix


def _listing(folder: Path, root: Path, faults: Faults) -> frozenset[str]:
    """File names in `folder`; a link that leaves `root` is a fault and counts as present."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_symlink()) for entry in entries]
    except OSError:
        return frozenset()
    leaving = [name for name, link in found if link and not stays_inside(folder / name, root)]
    if not stays_inside(folder, root):
        leaving = ["."]
    if leaving:
        faults.append(
            DataError(
                f"{folder / leaving[0]}: a link leads out of the dataset's folder; copy it in"
            )
        )
    return frozenset(name for name, _ in found)


def _categories(root: Path, videos: list[Video], faults: Faults) -> tuple[str, ...]:
    """Class names in id order: classes.json, else the 48 official ones, else sorted names."""
    used = {video.category for video in videos}
    path = root / "classes.json"
    if not path.exists():
        return OFFICIAL_CLASSES if used == set(OFFICIAL_CLASSES) else tuple(sorted(used))
    if not stays_inside(path, root):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    names = read_json(path)
    if not isinstance(names, list) or not all(isinstance(n, str) and n.strip() for n in names):
        raise DataError(f"{path}: expected a list of category names such as ['cat', 'dog']")
    if len(set(names)) != len(names):
        raise DataError(f"{path}: a category is listed twice; list each once")
    for video in videos:
        if video.category not in names:
            faults.append(
                DataError(
                    f"{path}: category {video.category!r} of video {video.id!r} is not listed; "
                    "add it or remove the video"
                )
            )
    return tuple(names)
