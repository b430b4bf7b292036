"""A score: all figures of one predictions file, as JSON, text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.scoring.aggregate import Figures
from stages.scoring.controls import Control
from stages.scoring.episodes import EpisodeScore
from stages.scoring.presence import PresenceFigures
from stages.scoring.protocols import Protocol
from stages.scoring.table import (
    category_rows,
    category_table,
    control_rows,
    control_table,
    markdown,
    plus_minus,
)

_ORIGIN = ("manifest", "shots", "dataset", "kind", "fold", "run", "source", "layout")
_COLUMNS = (
    "condition",
    "seed",
    "episode",
    "category",
    "video",
    "expression",
    "object",
    "frames",
    "J",
    "F",
    "JF",
    "text",
)


@dataclass(frozen=True)
class Score:
    """What a predictions file scored, in percent.

    ``predictions`` is the file's path and ``sha256`` its digest; ``origin`` holds what it says of
    itself: dataset, fold, run, manifest and the like, and the dataset's kind. ``data`` is the
    folder of the truth. ``per_twin``: apart for objects with another of their kind in the video.
    ``episodes`` are those of every condition, with their frames' figures. ``presence``: how well
    present clips are told from absent ones, None without the control that has these.
    """

    protocol: Protocol
    overall: Figures
    per_category: dict[str, Figures]
    per_video: dict[str, Figures]
    per_twin: dict[str, Figures]
    controls: dict[str, Control]
    episodes: Sequence[EpisodeScore]
    predictions: str
    sha256: str
    origin: Mapping[str, Any]
    data: str
    provenance: Mapping[str, Any]
    presence: PresenceFigures | None = None

    def to_json(self) -> dict[str, Any]:
        """The content of score.json."""
        return {
            "protocol": self.protocol.name,
            **{name: self.origin.get(name) for name in _ORIGIN},
            "seeds": [seed.to_json() for seed in self.overall.seeds],
            **{k: v for k, v in self.overall.to_json().items() if k != "interval"},
            "interval": self.overall.interval_json(),
            "per_category": {name: fig.to_json() for name, fig in self.per_category.items()},
            "per_video": {name: fig.to_json() for name, fig in self.per_video.items()},
            "per_twin": {name: fig.to_json() for name, fig in self.per_twin.items()},
            "controls": {name: control.to_json() for name, control in self.controls.items()},
            "presence": self.presence.to_json() if self.presence else None,
            "data": self.data,
            "provenance": dict(self.provenance),
            "predictions": {"file": self.predictions, "sha256": self.sha256, **self.origin},
        }

    def table(self) -> str:
        """The score as plain text."""
        lines = [*self._headline(), *self._twins(), *self._episodes()]
        lines += ["", *category_table(self.overall, self.per_category)]
        if self.controls:
            lines += ["", *control_table(self.controls)]
        if self.presence:
            lines += ["", self.presence.line()]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The content of score.md: the same as `table`, as Markdown tables."""
        what, how = self._headline()
        blocks = [f"**{what}**", how, markdown(category_rows(self.overall, self.per_category))]
        if self.controls:
            blocks.append(markdown(control_rows(self.controls)))
        if self.presence:
            blocks.append(self.presence.line())
        blocks += [*self._twins(), *self._episodes()]
        return "\n\n".join(blocks) + "\n"

    def csv(self) -> str:
        """The content of score.csv: a row an episode, means over its frames in percent."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for item in self.episodes:
            j, f = 100 * float(item.j.mean()), 100 * float(item.f.mean())
            key, info = item.key, item.info
            asked = (info.category, info.video, info.expression_id, info.object_id)
            figures = (f"{value:.4f}" for value in (j, f, (j + f) / 2))
            place = (key.condition, key.seed, key.episode)
            writer.writerow([*place, *asked, len(item.frames), *figures, info.text])
        return text.getvalue()

    def _twins(self) -> list[str]:
        """Objects that the kind alone tells apart and others, where there are both."""
        if len(self.per_twin) < 2:
            return []
        parts = [
            f"{name}: J {figures.J:.1f}, F {figures.F:.1f} {plus_minus(figures)}".rstrip()
            for name, figures in self.per_twin.items()
        ]
        return ["; ".join(parts)]

    def _episodes(self) -> list[str]:
        """The digests of the episode lists, which tell whether two scores are of the same ones."""
        digests = [str(digest)[:12] for digest in self.origin.get("manifest") or ()]
        return [f"episodes {', '.join(digests)}"] if digests else []

    def _headline(self) -> tuple[str, str]:
        """What was scored and the figures; over which seeds and how."""
        what = f"{Path(self.origin['dataset']).name}, fold {self.origin.get('fold') or '?'}"
        if self.origin.get("source"):
            fold = self.origin.get("fold")
            asked = f", fold {fold}" if fold else ""
            what = (
                f"{Path(self.origin['source']).name} on {Path(self.origin['dataset']).name}{asked}"
            )
        figures = self.overall
        seeds = len(figures.seeds)
        headline = f"J {figures.J:.1f}   F {figures.F:.1f}   J&F {figures.JF:.1f}"
        over = f"over {seeds} seeds" if seeds > 1 else "one seed, so no interval"
        return (
            f"{what}: {headline} {plus_minus(figures)}".rstrip(),
            f"{over}; protocol {self.protocol.name}: {self.protocol.summary}",
        )
