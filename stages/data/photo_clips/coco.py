"""Photographs of a COCO or LVIS annotation file.

COCO's format: https://cocodataset.org/#format-data; LVIS (https://www.lvisdataset.org/dataset)
names no files, only addresses, and says of which kinds a picture's objects are not all outlined.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import DataError
from stages.data.files import mapping, plain_name, read_json, stays_inside
from stages.data.outlines import read_shape
from stages.data.photo_clips.photographs import Outline, Photograph

_ADDRESSES = ("flickr_url", "coco_url")


def read_coco(file: Path, images: Path) -> tuple[tuple[Photograph, ...], Mapping[int, str]]:
    """The photographs of an annotation file, by id, and the names of its licence ids.

    `images` is the folder that holds the files named. Raises MissingError or DataError.
    """
    content = mapping(read_json(file), str(file))
    try:
        kinds = _kinds(content["categories"])
        licences = {int(e["id"]): str(e["name"]) for e in content.get("licenses") or ()}
        outlines, crowds = _outlines(content, kinds, file)
        photos = [
            _photograph(entry, images, outlines, crowds, kinds, file) for entry in content["images"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{file}: not a COCO or LVIS annotation file ({error!r}); give instances_*.json"
        ) from None
    photos.sort(key=lambda photo: (len(photo.id), photo.id))
    return tuple(photos), licences


def _kinds(categories: Any) -> Mapping[int, str]:
    """Kind by category id; LVIS writes "bow_(weapon)", which a sentence shortens if it can."""
    full = {int(c["id"]): str(c["name"]).replace("_", " ").strip().lower() for c in categories}
    short = {i: re.sub(r"\s*\(.*?\)", "", name).strip() for i, name in full.items()}
    uses = Counter(short.values())
    whole = {i: re.sub(r"[()]", "", name) for i, name in full.items()}
    return {i: name if uses[name] == 1 and name else whole[i] for i, name in short.items()}


def _outlines(
    content: Mapping[str, Any], kinds: Mapping[int, str], file: Path
) -> tuple[dict[int, list[Outline]], dict[int, set[str]]]:
    """Outlines and kinds in crowds, both by image id."""
    sizes = {int(e["id"]): int(e["width"]) * int(e["height"]) for e in content["images"]}
    outlines: dict[int, list[Outline]] = defaultdict(list)
    crowds: dict[int, set[str]] = defaultdict(set)
    for entry in content["annotations"]:
        image, kind = int(entry["image_id"]), kinds[int(entry["category_id"])]
        if entry.get("iscrowd"):
            crowds[image].add(kind)
            continue
        where = f"{file}: annotation {entry.get('id')}"
        x, y, width, height = (float(v) for v in entry["bbox"])
        shape = read_shape(entry["segmentation"], where)
        share = float(entry["area"]) / sizes[image]
        outlines[image].append(Outline(kind, share, (x, y, width, height), shape))
    return outlines, crowds


def _photograph(
    entry: Mapping[str, Any],
    images: Path,
    outlines: Mapping[int, list[Outline]],
    crowds: Mapping[int, set[str]],
    kinds: Mapping[int, str],
    file: Path,
) -> Photograph:
    number = int(entry["id"])
    name = entry.get("file_name") or str(entry["coco_url"]).rpartition("/")[2]
    if not plain_name(name) or not stays_inside(images / name, images.resolve()):
        raise DataError(f"{file}: image {number}: {name!r} leaves the folder; use a plain name")
    partly = {kinds[int(i)] for i in entry.get("not_exhaustive_category_ids") or ()}
    licence = entry.get("license")
    return Photograph(
        id=str(number),
        path=images / name,
        height=int(entry["height"]),
        width=int(entry["width"]),
        outlines=tuple(outlines.get(number, ())),
        uncounted=frozenset(crowds.get(number, ())) | partly,
        licence=None if licence is None else int(licence),
        addresses=tuple((key, str(entry[key])) for key in _ADDRESSES if entry.get(key)),
    )
