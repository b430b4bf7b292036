"""`sources.json`: which pictures the videos of a made dataset come from.

::

    {"licences": {"4": "CC BY 2.0"},
     "pictures": {"294832": {"licence": 4, "flickr_url": "...", "coco_url": "..."}},
     "videos": {"dog_twins_003": ["294832", "17"]}}

A video whose support came from one of its own pictures would be segmented by recognising the
picture, so such pairs are never drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from configs.errors import DataError
from stages.data.files import mapping, read_json, stays_inside

SOURCES = "sources.json"


def read_sources(root: Path) -> Mapping[str, frozenset[str]]:
    """The ids of the pictures that each video under `root` comes from; empty without the file.

    Raises DataError for a malformed file.
    """
    path = root / SOURCES
    if not path.exists():
        return {}
    if not stays_inside(path, root.resolve()):
        raise DataError(f"{path}: a link leads out of the dataset's folder; copy the file in")
    videos = mapping(mapping(read_json(path), str(path)).get("videos"), f"{path}: videos")
    for name, pictures in videos.items():
        if not isinstance(pictures, list) or not all(isinstance(p, str) for p in pictures):
            raise DataError(f"{path}: video {name!r}: expected a list of picture ids; build again")
    return {name: frozenset(pictures) for name, pictures in videos.items()}
