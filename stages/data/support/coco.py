"""Format: COCO's JSON, one file for all images.

::

    dir/anything.json  or  dir/annotations/anything.json
    dir/**/a.jpg           wherever in the folder the file's name is found

Polygons and both run-length forms (https://cocodataset.org/#format-data), as CVAT (whose masks are
"crowds"), Label Studio (whose paths are another machine's) and Roboflow export them. Annotations
with one track id are of one object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.files import json_kind
from stages.data.images import IMAGE_SUFFIXES, read_rgb
from stages.data.outlines import fill, read_shape
from stages.data.schema import Category, FileShape, check_shape
from stages.data.support.annotation import (
    AnnotatedFrame,
    Contents,
    Marked,
    SupportFormat,
    require_few,
)
from stages.data.support.placing import fitting_size, turned

_TRACKS = ("track_id", "instance_id", "object_id")

KEYS = ("images", "annotations")  # of its JSON, by which it is known


def _identifier(value: object) -> str:
    """Numbers in some tools, text in others."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"expected a number or text, found {json_kind(value)}")
    return str(value)


Id = Annotated[str, BeforeValidator(_identifier)]


class Listed(FileShape):
    """An image of the file."""

    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None


class Named(FileShape):
    """A category of the file."""

    id: Id
    name: Category


class Outline(FileShape):
    """An annotation of the file."""

    id: Id | None = None
    image_id: Id
    category_id: Id
    segmentation: Any = None
    track_id: Id | None = None
    attributes: dict[str, Any] = {}

    @property
    def track(self) -> int | None:
        """The number of the object in the video, where the tool gave one."""
        told = [self.track_id, *(self.attributes.get(name) for name in _TRACKS)]
        found = next((str(value) for value in told if value is not None), "")
        return int(found) if found.isascii() and found.isdigit() else None


class CocoFile(FileShape):
    """A file in COCO's format."""

    images: list[Listed]
    annotations: list[Outline]
    categories: list[Named]


def recognises(contents: Contents) -> bool:
    """True where a JSON file lists images and annotations."""
    return bool(contents.jsons_with(*KEYS))


def read(contents: Contents) -> list[AnnotatedFrame]:
    """The images that have annotations; every fault is noted."""
    found = contents.jsons_with(*KEYS)
    path, value = next(iter(found.items()))
    if len(found) > 1:
        names = " and ".join(file.name for file in list(found)[:2])
        contents.faults.append(
            DataError(f"{contents.folder}: holds {names}; keep one COCO file in the folder")
        )
        return []
    file = check_shape(CocoFile, value, str(path), contents.faults)
    return [] if file is None else _frames(contents, path, file)


def _frames(contents: Contents, path: Path, file: CocoFile) -> list[AnnotatedFrame]:
    names = {category.id: category.name for category in file.categories}
    outlines: dict[str, list[Outline]] = defaultdict(list)
    for outline in file.annotations:
        outlines[outline.image_id].append(outline)
    listed = {image.id for image in file.images}
    contents.faults.extend(
        DataError(f"{path}: annotation {o.id}: image {o.image_id} is not listed; add it")
        for o in file.annotations
        if o.image_id not in listed
    )
    bare = [image for image in file.images if image.id not in outlines]
    if bare:
        contents.remarks.append(
            f"{path}: {len(bare)} of {len(file.images)} images have no annotation and are left out"
        )
    require_few(contents, len(outlines))
    there = _pictures(contents.folder)
    frames = []
    for image in file.images:
        if image.id in outlines:
            try:
                frames.append(_frame(contents, path, image, outlines[image.id], names, there))
            except FsrvosError as fault:
                contents.faults.append(fault)
    return frames


def _pictures(folder: Path) -> dict[str, list[Path]]:
    """The images below the folder by lower-case name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in folder.rglob("*"):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            found[path.name.lower()].append(path)
    return found


def _find(path: Path, name: str, there: dict[str, list[Path]]) -> Path:
    """The picture of that name; of several, the one in the folders that the name gives."""
    said = PurePosixPath(name.replace("\\", "/").lower())
    found = there.get(said.name, [])
    if len(found) > 1:
        found = [f for f in found if f.as_posix().lower().endswith(f"/{said}")] or found
    if not found:
        raise MissingError(f"{path}: its image {name} is not in the folder; add it")
    if len(found) > 1:
        raise DataError(f"{path}: {name} could be {found[0]} or {found[1]}; rename one")
    return found[0]


def _frame(
    contents: Contents,
    path: Path,
    image: Listed,
    outlines: Iterable[Outline],
    names: dict[str, str],
    there: dict[str, list[Path]],
) -> AnnotatedFrame:
    picture = contents.require_inside(_find(path, image.file_name, there))
    frame = read_rgb(picture)
    size = (image.height or frame.shape[0], image.width or frame.shape[1])
    turn = fitting_size(contents, picture, size, f"{path}: image {image.id}")
    tracks: dict[tuple[str, int], Marked] = {}
    objects: list[Marked] = []
    for outline in outlines:
        marked = _marked(path, outline, size, names)
        if turn:
            marked = Marked(turned(marked.mask, picture), marked.label, marked.number)
        if marked.number is None:
            objects.append(marked)
            continue
        key = (marked.label or "", marked.number)
        before = tracks.get(key)
        mask = marked.mask if before is None else marked.mask | before.mask
        tracks[key] = Marked(mask, marked.label, marked.number)
    return AnnotatedFrame(picture.stem, path, frame, (*objects, *tracks.values()), may_lack=True)


def _marked(path: Path, outline: Outline, size: tuple[int, int], names: dict[str, str]) -> Marked:
    where = f"{path}: annotation {outline.id}"
    if outline.category_id not in names:
        raise DataError(f"{where}: category {outline.category_id} is not listed; add it")
    if not outline.segmentation:
        raise DataError(f"{where}: has a box and no outline; outline the object, or remove it")
    mask = fill(read_shape(outline.segmentation, where), size, where)
    return Marked(mask, names[outline.category_id], outline.track)


FORMAT = SupportFormat("a COCO file", recognises, read)
