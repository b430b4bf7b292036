"""What a source of photographs offers: which form it has, which pictures are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from configs.errors import DataError, MissingError, UsageError
from stages.data.photo_clips.coco import read_coco
from stages.data.photo_clips.photographs import Outline, Photograph
from stages.data.photo_clips.voc import read_voc

_IMAGE_FOLDERS = ("images", "train2017", "val2017", "JPEGImages")
_BORDER = 2.5  # px between a whole object and the edge of its picture
_SMALLEST_CUT = 40  # px, longer side


@dataclass(frozen=True)
class Catalogue:
    """The photographs that may be used; `licences` names the licence ids of the source."""

    photographs: tuple[Photograph, ...]
    licences: Mapping[int, str]

    def without_kinds(self, excluded: Iterable[str]) -> Catalogue:
        """The same pictures with objects of these kinds unlabelled.

        UsageError for a kind that the source does not have.
        """
        names = set(excluded)
        unknown = sorted(names - {kind for p in self.photographs for kind in p.kinds})
        if unknown:
            raise UsageError(f"no photograph shows a {unknown[0]!r}; correct --exclude-kinds")
        kept = [
            replace(
                photo,
                outlines=tuple(o for o in photo.outlines if o.kind not in names),
                uncounted=photo.uncounted - names,
            )
            for photo in self.photographs
        ]
        return replace(self, photographs=tuple(kept))


def open_source(source: Path) -> Catalogue:
    """The photographs under `source`: a COCO or LVIS folder or file, or a VOC folder.

    A COCO folder holds one annotation file, ``*.json`` (or ``annotations/instances*.json``), and
    the pictures in ``images`` or ``train2017`` or ``val2017``; a JSON file has them beside it or
    beside its folder. Raises MissingError or DataError.
    """
    if not source.exists():
        raise MissingError(f"{source}: no such source; give a folder of photographs with outlines")
    if source.is_dir() and (source / "SegmentationObject").is_dir():
        return Catalogue(read_voc(source), {})
    file = source if source.is_file() else _annotation_file(source)
    photographs, licences = read_coco(file, _image_folder(file))
    return Catalogue(photographs, licences)


def _annotation_file(folder: Path) -> Path:
    found = _visible(folder, "*.json") or _visible(folder, "annotations/instances*.json")
    if not found:
        raise DataError(
            f"{folder}: neither a COCO annotation file (*.json) nor a SegmentationObject folder"
        )
    if len(found) > 1:
        raise DataError(f"{folder}: several annotation files; name one, such as {found[0]}")
    return found[0]


def _visible(folder: Path, pattern: str) -> list[Path]:
    """Files by name without hidden ones, such as the `._` files that macOS adds."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _image_folder(file: Path) -> Path:
    for parent in (file.parent, file.parent.parent):
        for name in _IMAGE_FOLDERS:
            if (parent / name).is_dir():
                return parent / name
    raise MissingError(f"{file}: no folder of pictures beside it ({', '.join(_IMAGE_FOLDERS)})")


def take(
    catalogue: Catalogue, licences: Iterable[int], pictures: Iterable[str] | None
) -> Catalogue:
    """The photographs of these licence ids (any where none is given) and of this list.

    UsageError where nothing is left, or a listed picture is not there.
    """
    wanted = set(licences)
    photos = [p for p in catalogue.photographs if not wanted or p.licence in wanted]
    if pictures is not None:
        listed = set(pictures)
        absent = sorted(listed - {photo.id for photo in photos})
        if absent:
            raise UsageError(
                f"picture {absent[0]} and {len(absent) - 1} more of the list are not in the "
                "source, or not under the licences asked for; correct --pictures or --licences"
            )
        photos = [photo for photo in photos if photo.id in listed]
    if not photos:
        raise UsageError("no photograph is left; widen --licences or --pictures")
    return replace(catalogue, photographs=tuple(photos))


def whole(photo: Photograph, outline: Outline) -> bool:
    """Whether the object can be cut out: in one piece, off the picture's border, not tiny."""
    x, y, width, height = outline.box
    return (
        outline.shape.pieces == 1
        and max(width, height) >= _SMALLEST_CUT
        and min(x, y) >= _BORDER
        and x + width <= photo.width - _BORDER
        and y + height <= photo.height - _BORDER
    )
