"""Building and validating the dataset index: every fault is collected, none stops the scan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import DataError, FsrvosError, MissingError, command
from stages.data.classes import OFFICIAL_CLASSES
from stages.data.dataset import Dataset, Expression, FrameFiles, Video
from stages.data.files import is_unicode, plain_name, read_json, stays_inside
from stages.data.images import IMAGE_SUFFIXES
from stages.data.kind import read_kind
from stages.data.order import in_natural_order
from stages.data.schema import (
    ClassesFile,
    ExpressionEntry,
    Faults,
    MetaEntry,
    VideosFile,
    WordsEntry,
    check_shape,
    require_shape,
)
from stages.data.sources import read_sources


def load_dataset(root: Path | str) -> Dataset:
    """Read and validate the index under `root`.

    Raises MissingError (absent folder or files) or DataError (malformed or unsafe content); the
    line names the first fault and how many more there are.
    """
    dataset, faults = scan(Path(root))
    check = command("fsrvos", "data", "check", root)
    if faults:
        first = faults[0]
        more = f" (and {len(faults) - 1} more: {check})" if faults[1:] else ""
        kind = MissingError if isinstance(first, MissingError) else DataError
        raise kind(f"{first}{more}")
    if dataset is None:
        raise DataError(f"{root}: no dataset could be read; run {check}")
    return dataset


def scan(root: Path) -> tuple[Dataset | None, list[FsrvosError]]:
    """The index under `root` with whatever is sound in it, and every fault found."""
    faults: Faults = []
    if not root.is_dir():
        make = command("fsrvos", "data", "sample", root)
        hint = f"give the dataset's folder, or make one with: {make}"
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
    files: dict[str, FrameFiles] = {}
    for video_id, entry in words.items():
        video = parse_video(video_id, entry, meta, words_path, meta_path, faults)
        if video is not None:
            numbered = any(isinstance(name, int) for name in entry["frames"])
            files[video_id] = _find_files(root, video, faults, numbered)
            videos.append(video)
    if not words:
        faults.append(DataError(f"{words_path}: lists no video; rebuild the dataset"))
    try:
        categories = _categories(root, videos, faults)
        sources = read_sources(root)
        kind = read_kind(root)
    except FsrvosError as fault:
        return None, [*faults, fault]
    return Dataset(root, categories, videos, files=files, sources=sources, kind=kind), faults


def _videos(path: Path, root: Path) -> Mapping[str, Any]:
    """The `videos` object of one of the two JSON files."""
    if path.exists() and not stays_inside(path, root):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    return require_shape(VideosFile, read_json(path), str(path)).videos


def parse_video(
    video_id: str,
    entry: Any,
    meta: Mapping[str, Any],
    words_path: Path,
    meta_path: Path,
    faults: Faults,
) -> Video | None:
    """One video's entry of both files; None, where too little of it can be used.

    Every fault is added to `faults`; an expression with a fault is left out.
    """
    where = f"{words_path}: video {video_id!r}"
    if not plain_name(video_id):
        hint = "use a plain folder name"
        faults.append(DataError(f"{where}: the id leaves the dataset's folder; {hint}"))
        return None
    words = check_shape(WordsEntry, entry, where, faults)
    if video_id not in meta:
        faults.append(DataError(f"{meta_path}: video {video_id!r} is missing; add its objects"))
        return None
    about = f"{meta_path}: video {video_id!r}"
    told = check_shape(MetaEntry, meta[video_id], about, faults)
    if words is None or told is None:
        return None
    objects = {number: item.category for number, item in told.objects.items()}
    expressions = []
    for key, value in words.expressions.items():
        made = _expression(video_id, key, value, objects, where, faults)
        expressions.extend([made] if made else [])
    if not expressions:
        hint = "add one or remove the video"
        faults.append(DataError(f"{where}: has no usable expression; {hint}"))
        return None
    return Video(
        id=video_id,
        frames=in_natural_order(words.frames),
        objects=objects,
        expressions=tuple(expressions),
        category=objects[expressions[-1].object_id],
    )


def _expression(
    video_id: str,
    key: str,
    value: Any,
    objects: Mapping[int, str],
    where: str,
    faults: Faults,
) -> Expression | None:
    spot = f"{where}: expression {key!r}"
    entry = check_shape(ExpressionEntry, value, spot, faults)
    if entry is None:
        return None
    if not is_unicode(key):
        faults.append(DataError(f"{spot}: the id holds bytes that are not UTF-8 text; rename it"))
        return None
    if entry.obj_id not in objects:
        hint = "add it or correct obj_id"
        faults.append(DataError(f"{spot}: object {entry.obj_id} is not in meta.json; {hint}"))
        return None
    return Expression(video_id, key, entry.exp, entry.obj_id)


def _find_files(root: Path, video: Video, faults: Faults, numbered: bool) -> FrameFiles:
    """The names of the video's files; a missing or escaping file is a fault each.

    Upper and lower case do not matter, in stems and in suffixes. `numbered`: the JSON gives frames
    as numbers, which may be the reason why no file has such a name.
    """
    found = FrameFiles(
        images=_matching(root / "train" / "JPEGImages" / video.id, root, IMAGE_SUFFIXES, faults),
        masks=_matching(root / "train" / "Annotations" / video.id, root, (".png",), faults),
    )
    for kind, folder, named, suffix in (
        ("image", "JPEGImages", found.images, found.image_suffix),
        ("mask", "Annotations", found.masks, ".png"),
    ):
        absent = [f for f in video.frames if f.lower() not in named]
        if absent:
            path = root / "train" / folder / video.id / (absent[0] + suffix)
            more = f" and {len(absent) - 1} more of this video" if absent[1:] else ""
            hint = "restore the files or remove the frames from meta_expressions.json"
            if numbered:
                hint = "frames must be text, such as '00000', where names have leading zeros"
            faults.append(MissingError(f"{path}: no such {kind}{more}; {hint}"))
    return found


def _matching(
    folder: Path, root: Path, suffixes: Sequence[str], faults: Faults
) -> Mapping[str, str]:
    """File names in `folder` by their stem in lower case, of the first of `suffixes` they have."""
    ranked: dict[str, tuple[int, str]] = {}
    for name in _listing(folder, root, faults):
        stem, dot, end = name.rpartition(".")
        suffix = (dot + end).lower()
        if suffix in suffixes:
            rank = (suffixes.index(suffix), name)
            ranked[stem.lower()] = min(rank, ranked.get(stem.lower(), rank))
    return {stem: name for stem, (_, name) in ranked.items()}


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
    names = require_shape(ClassesFile, read_json(path), str(path)).root
    for video in videos:
        if video.category not in names:
            faults.append(
                DataError(
                    f"{path}: category {video.category!r} of video {video.id!r} is not listed; "
                    "add it or remove the video"
                )
            )
    return tuple(names)
