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
from stages.data.files import read_json, stays_inside
from stages.data.schema import SourcesFile, require_shape

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
    videos = require_shape(SourcesFile, read_json(path), str(path)).videos
    return {name: frozenset(pictures) for name, pictures in videos.items()}
