"""RefCOCO, RefCOCO+ and RefCOCOg as clips of one frame, to train on before videos.

SOURCE holds, at any level, folders with ``instances.json`` (COCO's) beside ``refs(<by>).p`` or
``.json``, and COCO's pictures in ``train2014``. The references' pickle is read without running it
(`plain_pickle`). Taken are the references of the split ``train``. A clip has the referred objects
of one category in one picture, so that support and query of an episode are of one category.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import DataError, MissingError
from stages.data.builders.choosing import Choices
from stages.data.builders.plain_pickle import read_plain_pickle
from stages.data.builders.raw import Benchmark, Outlined, RawVideo
from stages.data.builders.sources import find_folders, require_inside
from stages.data.dataset import Expression, Video
from stages.data.files import clean_expression, mapping, plain_name, read_json
from stages.data.outlines import Polygons, RunLengths, read_shape

SPLIT = "train"
_MOST_OBJECTS = 255


@dataclass(frozen=True)
class _Reference:
    """A referred object: its annotation, and sentences with their ids."""

    annotation: int
    sentences: tuple[tuple[str, str], ...]


def read_refcoco(source: Path, choices: Choices) -> Benchmark:
    """Clips of all sets of references under `source`; faults of single ones are skipped."""
    homes = find_folders(source, "instances.json")
    pictures = find_folders(source, "train2014", at_least_one=False)
    videos: list[RawVideo] = []
    skipped: list[str] = []
    for home in homes:
        files = sorted([*home.glob("refs(*).p"), *home.glob("refs(*).json")])
        if not files:
            raise MissingError(f"{home}/refs(unc).p: no such file, nor another refs(*).p or .json")
        for path in files:
            _read_set(home, path, [p / "train2014" for p in pictures], videos, skipped)
    classes = tuple(sorted({raw.video.category for raw in videos}))
    return Benchmark(classes, tuple(videos), tuple(skipped), raw=len(videos))


def _read_set(
    home: Path, path: Path, pictures: Sequence[Path], videos: list[RawVideo], skipped: list[str]
) -> None:
    content = mapping(read_json(home / "instances.json"), str(home / "instances.json"))
    listed = read_json(path) if path.suffix == ".json" else read_plain_pickle(path)
    try:
        kinds = {int(c["id"]): str(c["name"]) for c in content["categories"]}
        images = {int(i["id"]): str(i["file_name"]) for i in content["images"]}
        marked = {int(a["id"]): a for a in content["annotations"]}
        references = _references(listed, str(path))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{home}: not RefCOCO's files ({error!r}); download them again") from None
    grouped: dict[tuple[int, str], list[_Reference]] = {}
    for reference in references:
        annotation = marked.get(reference.annotation)
        if annotation is None:
            skipped.append(f"{path}: annotation {reference.annotation} is not in instances.json")
            continue
        key = (int(annotation["image_id"]), kinds.get(int(annotation["category_id"]), ""))
        grouped.setdefault(key, []).append(reference)
    for (image, kind), members in grouped.items():
        try:
            picture = _picture(images[image], pictures)
            name = f"{home.name}-{path.stem[5:-1]}-{image}-{kind.replace(' ', '_')}"
            videos.append(_clip(name, kind, picture, members[:_MOST_OBJECTS], marked, str(path)))
        except (DataError, MissingError, KeyError) as fault:
            skipped.append(f"{path}: image {image}: {fault}")


def _references(listed: Any, where: str) -> list[_Reference]:
    if not isinstance(listed, list):
        raise DataError(f"{where}: no list of references; download it again")
    found = []
    for entry in listed:
        if entry["split"] == SPLIT:
            spoken = tuple((str(s["sent_id"]), str(s["sent"])) for s in entry["sentences"])
            found.append(_Reference(int(entry["ann_id"]), spoken))
    return found


def _clip(
    name: str,
    kind: str,
    picture: Path,
    references: Sequence[_Reference],
    marked: Mapping[int, Any],
    where: str,
) -> RawVideo:
    """The clip of one picture; objects are numbered as they are referred to."""
    outlines: dict[int, Polygons | RunLengths] = {}
    expressions = []
    for number, reference in enumerate(references, start=1):
        spot = f"{where}: annotation {reference.annotation}"
        outlines[number] = read_shape(marked[reference.annotation]["segmentation"], spot)
        for key, text in reference.sentences:
            expressions.append(Expression(name, key, clean_expression(text, spot), number))
    if not expressions:
        raise DataError("has no sentence")
    objects = dict.fromkeys(outlines, kind)
    video = Video(name, ("00000",), objects, tuple(expressions), kind)
    return RawVideo(video, (picture,), Outlined(picture, outlines, where))


def _picture(name: str, folders: Sequence[Path]) -> Path:
    if not plain_name(name):
        raise DataError(f"{name!r} leaves the folder")
    for folder in folders:
        if (folder / name).is_file():
            return require_inside(folder / name, folder)
    raise MissingError(f"{name} is in no folder train2014; download COCO's pictures")
