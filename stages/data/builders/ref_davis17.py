"""Ref-DAVIS17 as a test set.

SOURCE holds, at any level, DAVIS 2017 (``JPEGImages/480p``, ``Annotations/480p`` or
``Annotations_unsupervised/480p``, and ``ImageSets/2017/val.txt``) and the sentences,
``Davis17_annot1.txt`` and the like, a line ``<video> <object> "<sentence>"`` each. Sentence number
k of an object is of the k-th of those files, in the order of their names, as `fsrvos score` takes
``anno_<k>``. Categories are those of ``categories.json`` or ``davis_semantics.json``
(``{"<video>": {"<object>": "<category>"}}``), else the nouns of the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.builders.choosing import Choices
from stages.data.builders.guessing import guess_category, report_of
from stages.data.builders.raw import Benchmark, MaskFiles, RawVideo
from stages.data.builders.sources import find_folders, find_image, find_root, require_inside
from stages.data.dataset import Expression, Video
from stages.data.files import clean_expression, mapping, plain_name, read_json
from stages.data.order import frame_files

_LINE = re.compile(r'(\S+)\s+(\d+)\s+"?(.*?)"?\s*\Z')
_FILES = "Davis17_annot*.txt"
_CATEGORIES = ("categories.json", "davis_semantics.json")
_MASKS = ("Annotations", "Annotations_unsupervised")

Spoken = dict[str, dict[int, list[str]]]


def read_ref_davis17(source: Path, choices: Choices) -> Benchmark:
    """The videos of the split ``val``; all that have sentences where no such list is there."""
    root = find_root(source, "JPEGImages/480p")
    spoken = _sentences(source)
    categories, skipped = _categories(source, spoken)
    wanted = _split(root) or tuple(spoken)
    videos = []
    for name in wanted:
        try:
            videos.append(_video(root, name, spoken.get(name, {}), categories.get(name, {})))
        except FsrvosError as fault:
            skipped.append(f"video {name!r} left out: {fault}")
    classes = tuple(sorted({raw.video.category for raw in videos}))
    return Benchmark(classes, tuple(videos), tuple(skipped), test_only=True, raw=len(wanted))


def _sentences(source: Path) -> Spoken:
    """Video -> object -> its sentences, one a file."""
    homes = {
        path.parent
        for depth in ("", "*/", "*/*/", "*/*/*/")
        for path in source.glob(depth + _FILES)
    }
    files = sorted(path for home in homes for path in home.glob(_FILES))
    if not files:
        raise MissingError(f"{source}: holds no {_FILES}; download Ref-DAVIS17's sentences")
    spoken: Spoken = {}
    for path in files:
        for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
            if not line.strip():
                continue
            parts = _LINE.match(line)
            if parts is None:
                raise DataError(f'{path}: line {number} is no <video> <object> "<sentence>"')
            text = clean_expression(parts[3], f"{path}: line {number}")
            spoken.setdefault(parts[1], {}).setdefault(int(parts[2]), []).append(text)
    return spoken


def _categories(source: Path, spoken: Spoken) -> tuple[Mapping[str, Mapping[str, str]], list[str]]:
    for name in _CATEGORIES:
        for home in find_folders(source, name, at_least_one=False):
            path = home / name
            content = mapping(read_json(path), str(path))
            return {video: mapping(of, f"{path}: {video!r}") for video, of in content.items()}, []
    guessed = {
        video: {
            str(number): noun
            for number, texts in of_video.items()
            if (noun := guess_category(texts)) is not None
        }
        for video, of_video in spoken.items()
    }
    return guessed, [report_of(guessed)]


def _split(root: Path) -> tuple[str, ...]:
    path = root / "ImageSets" / "2017" / "val.txt"
    return tuple(path.read_text(encoding="utf-8").split()) if path.is_file() else ()


def _video(
    root: Path, name: str, spoken: Mapping[int, list[str]], named: Mapping[str, str]
) -> RawVideo:
    if not plain_name(name):
        raise DataError("its name leaves the folder")
    objects = {number: named.get(str(number), "") for number in sorted(spoken)}
    unnamed = [number for number, category in objects.items() if not category]
    if unnamed or not objects:
        raise DataError(f"object {unnamed[0] if unnamed else 1} has no sentence or no category")
    folder = next(
        (root / m / "480p" / name for m in _MASKS if (root / m / "480p" / name).is_dir()), None
    )
    if folder is None:
        raise MissingError(f"{root / _MASKS[0] / '480p' / name}: no such folder of masks")
    frames = tuple(path.stem for path in frame_files(folder, (".png",)))
    images = tuple(find_image(root / "JPEGImages" / "480p" / name, f, root) for f in frames)
    masks = tuple(require_inside(folder / f"{frame}.png", root) for frame in frames)
    if not frames:
        raise DataError(f"{folder} holds no masks")
    numbered = [(number, text) for number, texts in sorted(spoken.items()) for text in texts]
    expressions = tuple(
        Expression(name, str(place), text, number) for place, (number, text) in enumerate(numbered)
    )
    last = objects[expressions[-1].object_id]
    return RawVideo(Video(name, frames, objects, expressions, last), images, MaskFiles(masks))
