"""`sources.json`: which photographs a dataset was made of, under which licence, and where they are.

::

    {"licences": {"4": "Attribution License"},
     "pictures": {"294832": {"licence": 4, "flickr_url": "...", "coco_url": "..."}},
     "videos": {"dog_0003": ["294832", "17"]}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import DataError
from stages.data.files import mapping, read_json, write_json
from stages.data.photo_clips.catalogue import Catalogue

FILE = "sources.json"


def write_sources(root: Path, catalogue: Catalogue, videos: Mapping[str, Sequence[str]]) -> None:
    """Write the pictures of `videos` (name to picture ids) with all that is known of them."""
    used = {picture for pictures in videos.values() for picture in pictures}
    pictures: dict[str, dict[str, Any]] = {}
    for photo in catalogue.photographs:
        if photo.id in used:
            licence = {} if photo.licence is None else {"licence": photo.licence}
            pictures[photo.id] = {**licence, **dict(photo.addresses)}
    ids = sorted({p["licence"] for p in pictures.values() if "licence" in p})
    licences = {str(i): catalogue.licences.get(i, "") for i in ids}
    content = {"licences": licences, "pictures": pictures, "videos": videos}
    write_json(root / FILE, content)


def read_sources(root: Path) -> Mapping[str, frozenset[str]]:
    """The picture ids that each video under `root` was made of; empty without `sources.json`.

    Raises DataError for a malformed file.
    """
    path = root / FILE
    if not path.exists():
        return {}
    videos = mapping(mapping(read_json(path), str(path)).get("videos"), f"{path}: videos")
    for name, pictures in videos.items():
        if not isinstance(pictures, list) or not all(isinstance(p, str) for p in pictures):
            raise DataError(f"{path}: video {name!r}: expected a list of picture ids; build again")
    return {name: frozenset(pictures) for name, pictures in videos.items()}
