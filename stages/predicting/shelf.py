"""The folder under which every prediction has a folder of its own, and finds it again."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.predicting.identity import excerpt_facts
from stages.predicting.requests import Request

SCORES = "scores.json"
_ASKED = ("video", "expression", "support", "run")
_PART = ("start", "end")
_LONGEST = 40  # letters of a sentence in a folder's name

_Key = tuple[str, ...]


class Shelf:
    """Folders of predictions below `home`, by what was asked.

    The same video, part of it, sentence, support and run are the same prediction, which is made
    anew where it was; how it is made otherwise does not count.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._held: dict[_Key, list[tuple[Path, str]]] = {}
        self._given: set[Path] = set()
        for folder in sorted(home.iterdir()) if home.is_dir() else []:
            said = read_scores(folder)
            if said:
                spoken = str(said.get("support_expression"))
                self._held.setdefault(_key(said), []).append((folder, spoken))

    def place(self, request: Request, run: Path, name: str) -> Path:
        """The folder that holds such a prediction, or a free one: `name`, `name`-2, ..."""
        spoken = request.support_expression
        for folder, said in self._held.get(_key(asked(request, run)), []):
            if folder not in self._given and spoken in (None, said):
                return self._give(folder)
        for number in itertools.count(1):
            folder = self.home / (name if number == 1 else f"{name}-{number}")
            if folder not in self._given and not folder.exists():
                return self._give(folder)
        raise AssertionError("unreachable")

    def _give(self, folder: Path) -> Path:
        self._given.add(folder)
        return folder


def asked(request: Request, run: Path) -> dict[str, Any]:
    """What of a request tells its folder from another's, as scores.json says it."""
    return {
        "video": str(request.video.absolute()),
        "expression": request.expression,
        "support": str(request.support.absolute()),
        "run": str(run.absolute()),
        "excerpt": excerpt_facts(request.excerpt),
    }


def folder_names(requests: Sequence[Request]) -> list[str]:
    """What each request's folder is called: as its video, with the sentence where several are
    asked of that video."""
    asked_of = Counter(request.video for request in requests)
    return [
        _stem(request.video)
        if asked_of[request.video] == 1
        else f"{_stem(request.video)}-{_slug(request.expression)}"
        for request in requests
    ]


def read_scores(folder: Path) -> dict[str, Any]:
    """What a prediction's folder says of itself; nothing where it says nothing."""
    try:
        read = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _key(said: Mapping[str, Any]) -> _Key:
    part = said.get("excerpt")
    part = part if isinstance(part, dict) else {}
    stated = [said.get(name) for name in _ASKED] + [part.get(name) for name in _PART]
    return tuple(map(str, stated))


def _stem(video: Path) -> str:
    return (video.name if video.is_dir() else video.stem) or "video"


def _slug(sentence: str) -> str:
    return re.sub(r"[^\w]+", "-", sentence)[:_LONGEST].strip("-") or "object"
