"""What tells one prediction from another: a digest of everything that its results depend on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.data.excerpt import Excerpt
from stages.data.order import frame_files


def digest_of(settings: Mapping[str, Any]) -> str:
    """sha256 over the canonical JSON of what a prediction depends on, and the program's version."""
    stated = {"version": importlib.metadata.version("fsrvos"), **settings}
    canonical = json.dumps(stated, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def video_facts(video: Path) -> dict[str, Any]:
    """What tells that a video has changed: sizes and times of its files, which are not read."""
    files = frame_files(video) if video.is_dir() else [video]
    found = [(file.name, file.stat()) for file in files if file.is_file()]
    return {
        "video": str(video.absolute()),
        "files": [[name, about.st_size, about.st_mtime_ns] for name, about in found],
    }


def excerpt_facts(excerpt: Excerpt) -> dict[str, Any]:
    """An excerpt as JSON carries it and a command line takes it; nothing of what it leaves out."""
    facts = {
        "start": None if excerpt.start is None else str(excerpt.start),
        "end": None if excerpt.end is None else str(excerpt.end),
        "stride": None if excerpt.stride == 1 else excerpt.stride,
        "max_side": excerpt.max_side or None,
    }
    return {name: value for name, value in facts.items() if value is not None}
