"""What the pictures of a dataset are, under which licence, and where they can be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.data.files import write_json
from stages.data.photo_clips.catalogue import Catalogue
from stages.data.sources import SOURCES


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
    write_json(root / SOURCES, content)
