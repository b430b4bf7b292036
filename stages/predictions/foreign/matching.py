"""Somebody's answers beside what is asked: by name alone, and nothing missing, extra or resized."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from configs.errors import DataError
from stages.data.clips import twin
from stages.data.dataset import Dataset
from stages.data.images import image_size
from stages.data.queries import Query
from stages.predictions.foreign.answers import Answers, Asked, Mask, Sheet
from stages.predictions.foreign.png_folders import sentences_of_objects
from stages.predictions.records import EpisodeInfo, EpisodeKey, EpisodePrediction

_SHAPE_SLACK = 0.01
"""Relative difference of two frames' proportions that rounding to whole pixels may make."""


def match(
    answers: Answers, dataset: Dataset, queries: Sequence[Query], resized: bool
) -> Iterator[EpisodePrediction]:
    """One prediction a query, decoded as it is asked for.

    resized: masks may have another size than the annotations, in the same proportions.

    Raises DataError, one line with a name in it, for a query without masks, an expression that the
    dataset does not have, a missing or an extra frame, and a mask of another size.
    """
    asked = _asked(answers, dataset, queries)
    _check_names(answers, dataset, asked)
    for number, query in enumerate(asked):
        expression = query.expression
        sheet = answers.sheets[Asked(expression.video, expression.id)]
        names = _frames(sheet, dataset, expression.video)
        masks = _masks(sheet, dataset, expression.video, names, resized)
        info = EpisodeInfo(
            video=expression.video,
            expression_id=expression.id,
            object_id=expression.object_id,
            category=query.category,
            text=expression.text,
            frames=names,
            height=masks.shape[1],
            width=masks.shape[2],
            twin=twin(dataset, expression) is not None,
        )
        presence = np.asarray(masks.any(axis=(1, 2)), dtype=np.float32)
        yield EpisodePrediction(EpisodeKey("model", 0, number), info, masks, presence)


def _asked(answers: Answers, dataset: Dataset, queries: Sequence[Query]) -> list[Query]:
    """The queries; where masks are stored an object, those of the sentences that were answered."""
    if answers.annotators is None:
        return list(queries)
    answered = {
        Asked(video, spoken[annotator].id)
        for video in {query.expression.video for query in queries}
        for spoken in sentences_of_objects(dataset, video)
        for annotator in answers.annotators
        if annotator < len(spoken)
    }
    return [q for q in queries if Asked(q.expression.video, q.expression.id) in answered]


def _check_names(answers: Answers, dataset: Dataset, asked: Sequence[Query]) -> None:
    names = {Asked(q.expression.video, q.expression.id) for q in asked}
    lacking = sorted(names - answers.sheets.keys())
    if lacking:
        raise DataError(
            f"no masks of {lacking[0]} ({len(lacking)} of {len(names)} queries lack them); make "
            "them, or say what was asked with --fold or --episodes"
        )
    for video, expression in sorted(answers.sheets.keys() - names):
        if all(known.id != expression for known in dataset.videos[video].expressions):
            raise DataError(
                f"{answers.sheets[Asked(video, expression)].place}: video {video!r} has no "
                f"expression {expression!r} in {dataset.root}; use the dataset that was asked about"
            )


def _frames(sheet: Sheet, dataset: Dataset, video: str) -> tuple[str, ...]:
    """The frames that have masks, in the video's order."""
    known = dataset.videos[video].frames
    extra = sorted(sheet.frames.keys() - set(known))
    if extra:
        raise DataError(
            f"{sheet.place}: frame {extra[0]!r} is none of the video's {len(known)} "
            f"({len(extra)} such); name masks as the dataset names frames, such as {known[0]!r}"
        )
    missing = [
        name
        for name in known
        if name not in sheet.frames and dataset.mask_path(video, name).is_file()
    ]
    if missing:
        raise DataError(
            f"{sheet.place}: no mask of frame {missing[0]!r} ({len(missing)} of {len(known)} are "
            "missing); an absent object needs an empty mask"
        )
    return tuple(name for name in known if name in sheet.frames)


def _masks(
    sheet: Sheet, dataset: Dataset, video: str, names: tuple[str, ...], resized: bool
) -> Mask:
    """bool [T, H, W]; DataError where a size is not what it must be."""
    due = image_size(dataset.mask_path(video, dataset.videos[video].frames[0]))
    decoded = [sheet.frames[name]() for name in names]
    sizes = {
        name: mask.shape for name, mask in zip(names, decoded, strict=True) if mask is not None
    }
    first = next(iter(sizes.values()), due)
    wanted = first if resized and _proportional(first, due) else due
    for name, size in sizes.items():
        if size != wanted:
            swapped = ", with height and width exchanged" if size == wanted[::-1] else ""
            raise DataError(
                f"{sheet.place}: the mask of frame {name!r} is {_by(size)} where {_by(wanted)} is "
                f"due{swapped}; resize masks to the annotations' size with nearest"
            )
    empty = np.zeros(wanted, dtype=np.bool_)
    return np.stack([empty if mask is None else mask for mask in decoded])


def _proportional(size: tuple[int, ...], due: tuple[int, int]) -> bool:
    return abs(size[0] * due[1] / (size[1] * due[0]) - 1) <= _SHAPE_SLACK


def _by(size: tuple[int, ...]) -> str:
    return f"{size[1]}x{size[0]}"
