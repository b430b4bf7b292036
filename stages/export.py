"""One drawing of an evaluation's masks in a layout that other programs read."""

from __future__ import annotations

from pathlib import Path

from configs.errors import UsageError
from stages.predictions import list_episodes, read_predictions
from stages.predictions.foreign.exporting import WRITERS, Exported


def export(
    *,
    predictions: Path,
    out: Path,
    layout: str = "ref-youtube-vos",
    seed: int = 0,
    condition: str = "model",
) -> Exported:
    """Write the masks of one seed to a folder, a .zip or a .json file, whole or absent.

    Args:
        predictions: what `fsrvos evaluate` wrote.
        out: the folder or file.
        layout: a name of `WRITERS`.
        seed: whose masks; another drawing of the support may answer the same query otherwise.
        condition: "model", or a control.

    Raises:
        UsageError: unknown layout, no such seed or condition, or `out` holds anything else.
        MissingError, DataError: no predictions, or damaged ones.
    """
    if layout not in WRITERS:
        raise UsageError(f"unknown layout {layout!r}; choose one of {', '.join(WRITERS)}")
    listed = list_episodes(predictions)
    chosen = [(k, i) for k, i in listed if (k.condition, k.seed) == (condition, seed)]
    if not chosen:
        there = sorted({f"{key.condition} seed {key.seed}" for key, _ in listed})
        raise UsageError(
            f"{predictions}: no masks of {condition} seed {seed}; there are {', '.join(there)}"
        )
    if layout in ("coco-rle", "coco-runs") and out.suffix.lower() != ".json":
        raise UsageError(f"{out}: run-length masks are a JSON file; name one that ends in .json")
    return WRITERS[layout](read_predictions(predictions, episodes=chosen), out)
