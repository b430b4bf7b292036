"""COCO's run-length masks in one JSON file, each with the names of its video and frame.

    [{"video": "v1", "expression": "0", "frame": "00005", "segmentation": RLE}, ...]
    [{"video": "v1", "expression": "0", "frames": ["00005", ...], "segmentations": [RLE, ...]}, ...]
    {"v1": {"0": {"00005": RLE, ...}, ...}, ...}

An RLE is ``{"size": [H, W], "counts": text or a list of runs}``, or null for an empty mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from configs.errors import DataError
from stages.data.dataset import Dataset
from stages.data.files import json_kind, read_json
from stages.data.rle import Order, decode_rle
from stages.predictions.foreign.answers import Answers, Asked, Mask, Sheet

LAYOUT = "COCO's run-length masks"

_SAMPLE = 200
"""Masks looked at to tell columns from rows."""

_CLEAR = 0.5
"""Share of the other order's edges below which an order is taken to be the one written in."""

_FORMS = (
    'wanted is a list of {"video", "expression", "frame", "segmentation"}, the same with "frames" '
    'and "segmentations", or {video: {expression: {frame: mask}}}'
)


def read_rle_json(path: Path, dataset: Dataset, order: Order | Literal["auto"]) -> Answers:
    """The answers of a JSON file. ``order``: how masks were written; "auto" tells by their look.

    Raises MissingError (no file) or DataError (another form, an unknown video, a frame twice).
    """
    found: dict[Asked, dict[str, Any]] = {}
    for video, expression, frame, mask in _entries(read_json(path), path):
        asked = Asked(video, expression)
        if video not in dataset.videos:
            raise DataError(f"{path}: {video!r} is no video of {dataset.root}")
        frames = found.setdefault(asked, {})
        if frame in frames:
            raise DataError(f"{path}: {asked} has frame {frame!r} twice; keep one")
        frames[frame] = mask
    masks = [mask for frames in found.values() for mask in frames.values() if mask is not None]
    known, note = (order, "") if order != "auto" else order_of(masks, str(path))
    sheets = {}
    for asked, frames in found.items():
        readers = {
            frame: partial(_decode, mask, f"{path}: {asked}, frame {frame!r}", known)
            for frame, mask in frames.items()
        }
        sheets[asked] = Sheet(readers, f"{path}: {asked}")
    return Answers(LAYOUT, sheets, notes=(note,) if note else ())


def order_of(masks: list[Any], where: str) -> tuple[Order, str]:
    """The order in which masks were written, and a note where that is not plain COCO.

    Read in the wrong order, an object falls apart into stripes with many times the edges. On
    square frames the wrong order only turns the mask over, which nothing in it tells.
    """
    oblong = [m for m in masks if isinstance(m, dict) and m.get("counts") and not _square(m)]
    if masks and not oblong:
        return "columns", (
            "the frames are square, so the masks do not tell whether they were written by columns, "
            "as COCO does; --rle-order rows if not"
        )
    step = max(1, len(oblong) // _SAMPLE)
    edges = {"columns": 0, "rows": 0}
    for mask in oblong[::step]:
        for order in ("columns", "rows"):
            edges[order] += _edges(decode_rle(mask, where, order))
    if edges["rows"] < _CLEAR * edges["columns"]:
        return "rows", "the masks were written by rows, not by columns as COCO does; read so"
    if edges["columns"] > _CLEAR * edges["rows"] and edges["rows"]:
        return "columns", (
            "the masks do not tell whether they were written by columns, as COCO does; "
            "--rle-order rows if not"
        )
    return "columns", ""


def _square(mask: Mapping[str, Any]) -> bool:
    size = mask.get("size")
    return isinstance(size, list) and len(size) == 2 and size[0] == size[1]


def _edges(mask: Mask) -> int:
    """Neighbouring pixels that differ, along both axes."""
    down, along = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    return int(np.count_nonzero(down) + np.count_nonzero(along))


def _decode(mask: Any, where: str, order: Order) -> Mask | None:
    return None if mask is None else decode_rle(mask, where, order)


def _entries(content: Any, path: Path) -> Iterator[tuple[str, str, str, Any]]:
    """(video, expression, frame, mask) of every mask in any of the forms."""
    if isinstance(content, list):
        for number, record in enumerate(content):
            yield from _record(record, f"{path}: entry {number}")
        return
    for video, expressions in _items(content, f"{path}"):
        for expression, frames in _items(expressions, f"{path}: video {video!r}"):
            where = f"{path}: video {video!r}, expression {expression!r}"
            for frame, mask in _items(frames, where):
                yield video, expression, frame, mask


def _record(record: Any, where: str) -> Iterator[tuple[str, str, str, Any]]:
    names = dict(_items(record, where))
    video, expression = names.get("video"), names.get("expression")
    if isinstance(expression, int):
        expression = str(expression)
    if not isinstance(video, str) or not isinstance(expression, str):
        raise DataError(f"{where}: names no video and expression; {_FORMS}")
    frames, masks = names.get("frames"), names.get("segmentations")
    if "frame" in names:
        frames, masks = [names["frame"]], [names.get("segmentation")]
    if not isinstance(frames, list) or not isinstance(masks, list) or len(frames) != len(masks):
        raise DataError(
            f"{where}: masks without the names of their frames cannot be matched; {_FORMS}"
        )
    for frame, mask in zip(frames, masks, strict=True):
        if not isinstance(frame, str):
            raise DataError(f"{where}: frame {frame!r} must be its name as text, such as '00005'")
        yield video, expression, frame, mask


def _items(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DataError(f"{where}: found {json_kind(value)}; {_FORMS}")
    return value.items()
