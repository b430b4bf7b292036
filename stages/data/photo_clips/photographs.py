"""Photographs with outlined objects, as every source gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.images import read_ids, read_rgb
from stages.data.outlines import Mask, Polygons, RunLengths


@dataclass(frozen=True)
class LabelledPixels:
    """The pixels of one number in a palette PNG."""

    path: Path
    number: int
    pieces: int = 1

    def mask(self, height: int, width: int) -> Mask:
        """The object's pixels [H, W]; DataError when the PNG has another size."""
        ids = read_ids(self.path)
        if ids.shape != (height, width):
            raise DataError(f"{self.path}: the mask's size is not its picture's; correct it")
        return ids == self.number


@dataclass(frozen=True)
class Outline:
    """One object: its kind, its share of the picture's area, its box (x, y, width, height)."""

    kind: str
    share: float
    box: tuple[float, float, float, float]
    shape: Polygons | RunLengths | LabelledPixels


@dataclass(frozen=True)
class Photograph:
    """A picture and its outlined objects.

    `uncounted` holds kinds of which it shows objects without an outline each (crowds, kinds that
    were not outlined throughout): no sentence can be sure to name one of those alone.
    """

    id: str
    path: Path
    height: int
    width: int
    outlines: tuple[Outline, ...]
    uncounted: frozenset[str] = frozenset()
    licence: int | None = None
    addresses: tuple[tuple[str, str], ...] = field(default=())

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Every kind that the picture is known to show."""
        return frozenset(outline.kind for outline in self.outlines) | self.uncounted

    def usable(self, kind: str, least_share: float) -> tuple[Outline, ...]:
        """Outlines of `kind` that cover at least `least_share` of the picture."""
        return tuple(o for o in self.outlines if o.kind == kind and o.share >= least_share)


@dataclass(frozen=True)
class Pixels:
    """A photograph read at working size: RGB [H, W, 3] and a mask [H, W] for each outline."""

    rgb: NDArray[np.uint8]
    masks: tuple[Mask, ...]


def read_pixels(photo: Photograph, outlines: Iterable[Outline], longer_side: int) -> Pixels:
    """The picture and the masks of `outlines`, made smaller where a side is beyond `longer_side`.

    Raises MissingError or DataError for a file that is absent, unreadable or of another size than
    its outlines were drawn for.
    """
    rgb = read_rgb(photo.path)
    if rgb.shape[:2] != (photo.height, photo.width):
        raise DataError(
            f"{photo.path}: {rgb.shape[1]} x {rgb.shape[0]} pixels, but its outlines were drawn "
            f"for {photo.width} x {photo.height}; take the picture they belong to"
        )
    masks = [outline.shape.mask(photo.height, photo.width) for outline in outlines]
    factor = longer_side / max(photo.height, photo.width)
    if factor < 1:
        size = (max(1, round(photo.width * factor)), max(1, round(photo.height * factor)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = [
            cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
            for m in masks
        ]
    return Pixels(rgb, tuple(masks))
