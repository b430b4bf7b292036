"""What the pixels of a predicted PNG may be: one object on a background, or ids of objects."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from configs.errors import DataError
from stages.data.images import read_ids
from stages.predictions.foreign.answers import Mask
from stages.predictions.foreign.tree import Tree


def read_single(tree: Tree, name: PurePosixPath) -> Mask:
    """bool [H, W] of a mask of one object: 0, and one other value.

    Raises DataError where it holds more values: edges that were smoothed, or several objects.
    """
    ids = read_ids(tree.place(name), tree.read(name))
    marked = np.flatnonzero(np.bincount(ids.ravel(), minlength=256)[1:]) + 1
    if marked.size > 1:
        listed = ", ".join(map(str, marked[:5])) + (", ..." if marked.size > 5 else "")
        raise DataError(
            f"{tree.place(name)}: holds the values {listed} beside 0, so its edges are "
            "anti-aliased, it is a probability, or it marks several objects; save 0 and one other "
            "value, resized with nearest"
        )
    mask: Mask = ids > 0
    return mask


def read_object(tree: Tree, name: PurePosixPath, object_id: int, known: frozenset[int]) -> Mask:
    """bool [H, W] of one object in a mask of ids.

    Raises DataError where it holds an id that the video does not have, as smoothed edges do.
    """
    ids = read_ids(tree.place(name), tree.read(name))
    marked = np.flatnonzero(np.bincount(ids.ravel(), minlength=256)[1:]) + 1
    strange = [int(number) for number in marked if int(number) not in known]
    if strange:
        raise DataError(
            f"{tree.place(name)}: marks object {strange[0]}, which the video does not have (it has "
            f"{', '.join(map(str, sorted(known)))}); its edges may be anti-aliased: save ids, "
            "resized with nearest"
        )
    mask: Mask = ids == object_id
    return mask
