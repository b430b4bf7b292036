"""tracks.json: every instance with its id, where it is in each frame, and how sure that is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cache.whole import replace_text
from stages.predicting.answers import FrameAnswer
from stages.predicting.results.result import Result

DIGITS = 4


@dataclass
class _Track:
    frames: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


class Tracks(Result):
    """Instances over the video, and frame by frame: id, score in [0, 1], area in pixels and box.

    A box is [left, top, width, height] in pixels. The ids are those of the masks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tracks: dict[int, _Track] = {}
        self._frames = list[dict[str, Any]]()

    def add(self, answer: FrameAnswer) -> None:
        """Keep what is said of the frame's objects."""
        said = []
        for found in answer.objects:
            if not found.mask.any():
                continue
            track = self._tracks.setdefault(found.number, _Track())
            track.frames.append(answer.name)
            track.scores.append(found.presence)
            rows, columns = np.nonzero(found.mask)
            left, top = int(columns.min()), int(rows.min())
            said.append(
                {
                    "id": found.number,
                    "score": round(found.presence, DIGITS),
                    "area": len(rows),
                    "box": [
                        *(left, top),
                        *(int(columns.max()) - left + 1, int(rows.max()) - top + 1),
                    ],
                }
            )
        self._frames.append({"frame": answer.name, "objects": said})

    def close(self) -> None:
        """Write the file."""
        tracks = [
            {
                "id": number,
                "score": round(float(np.mean(track.scores)), DIGITS),
                "frames": len(track.frames),
                "first": track.frames[0],
                "last": track.frames[-1],
            }
            for number, track in sorted(self._tracks.items())
        ]
        written = {"objects": tracks, "frames": self._frames}
        replace_text(self.path, json.dumps(written, indent=1) + "\n")

    @property
    def count(self) -> int:
        """How many instances there were."""
        return len(self._tracks)
