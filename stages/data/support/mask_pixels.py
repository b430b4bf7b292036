"""What the pixels of a mask image mean: ids, black and white, colours, transparency.

Exact files keep their numbers. Masks that were smoothed or saved as JPEG are understood where they
can mean one thing only, and refused by name where not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.images import open_mask, stored_ids
from stages.data.outlines import Mask
from stages.data.support.annotation import Marked
from stages.data.support.mask_colours import colour_objects

VOID = 255  # Pascal VOC's "undecided", where other ids are in use
_FEW = 4  # values that an exact mask may well have; smoothing makes more
_DARK = 64  # ids below that are never taken for grey
_FLAT = 0.5  # share of a value's pixels inside an area of it: 7 x 7 pixels of an id have more
_GREY = 12  # levels by which JPEG tints grey
_OPAQUE = 128


@dataclass(frozen=True)
class MaskPixels:
    """The objects of one mask; `void` where pixels of value 255 were taken for undecided."""

    objects: tuple[Marked, ...]
    void: bool = False


def read_mask(path: Path) -> MaskPixels:
    """The objects of a mask image, of which none is empty.

    Raises MissingError when absent, DataError when damaged or when it could mean several things.
    """
    image = open_mask(path)
    if image.mode in ("RGBA", "LA", "PA") and not _opaque(alpha := _alpha(image)):
        return _transparent(path, np.array(image.convert("RGBA"))[..., :3], alpha)
    if image.mode == "1":
        return _plain(stored_ids(image) > 0)
    if image.mode in ("P", "L"):
        return _numbered(path, stored_ids(image), exact=image.mode == "P")
    if image.mode.startswith("I"):
        return _numbered(path, _narrowed(path, np.array(image)), exact=True)
    if image.mode == "F":
        raise DataError(f"{path}: holds fractions, not ids; save it as an 8-bit PNG")
    colours = np.array(image.convert("RGB"))
    if int(np.ptp(colours.astype(np.int16), axis=-1).max()) <= _GREY:
        return _numbered(path, colours[..., 1], exact=False)
    return MaskPixels(_coloured(path, colours))


def _plain(mask: Mask) -> MaskPixels:
    """Black and white: one object, which has no number."""
    return MaskPixels((Marked(mask),) if mask.any() else ())


def _alpha(image: Any) -> NDArray[np.uint8]:
    return np.array(image.convert("RGBA"))[..., 3]


def _opaque(alpha: NDArray[np.uint8]) -> bool:
    return bool(alpha.min() == 255)


def _transparent(path: Path, colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> MaskPixels:
    """What is opaque is the object; in a few flat colours it is an object a colour."""
    inside = alpha >= _OPAQUE
    distinct = np.unique(colours[inside], axis=0)
    if not 1 < len(distinct) <= _FEW:
        return _plain(inside)
    found = ((colours == colour).all(-1) & inside for colour in distinct)
    return MaskPixels(
        tuple(
            Marked(mask, colour=_hex(colour)) for mask, colour in zip(found, distinct, strict=True)
        )
    )


def _coloured(path: Path, colours: NDArray[np.uint8]) -> tuple[Marked, ...]:
    found: Mapping[str, Mask] = colour_objects(path, colours)
    return tuple(Marked(mask, colour=colour) for colour, mask in found.items())


def _hex(colour: NDArray[np.uint8]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _narrowed(path: Path, values: NDArray[Any]) -> NDArray[np.uint8]:
    """16 bits as 8: small ids as they are, full-scale values brought down."""
    most = int(values.max(initial=0))
    if values.min(initial=0) < 0 or most > 65535:
        raise DataError(f"{path}: holds values beyond 16 bits; save it as an 8-bit PNG")
    if most <= 255:
        return values.astype(np.uint8)
    if not (values % 257).any():  # 8 bits stretched to 16
        return (values // 257).astype(np.uint8)
    if len(np.unique(values)) == 2 and not values.min():
        return np.where(values > 0, 255, 0).astype(np.uint8)
    raise DataError(
        f"{path}: holds 16-bit numbers up to {most}; give the objects ids from 1 to 254"
    )


def _numbered(path: Path, values: NDArray[np.uint8], *, exact: bool) -> MaskPixels:
    """An object an id. 255 alone is white; beside other ids it is void."""
    if not exact and looks_smoothed(values):
        return _plain(_sharpened(path, values))
    ids = [int(i) for i in np.flatnonzero(np.bincount(values.ravel(), minlength=256)) if i]
    if ids == [VOID]:
        return _plain(values == VOID)
    objects = tuple(Marked(values == i, number=i) for i in ids if i != VOID)
    return MaskPixels(objects, void=VOID in ids)


def looks_smoothed(values: NDArray[np.uint8]) -> bool:
    """Whether grey values [H, W] come from smoothing or JPEG: most of them lie along edges only."""
    present = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    if len(present) <= _FEW or present[-1] < _DARK:
        return False
    flat = set(_flat_values(values).tolist())
    rough = [value for value in present.tolist() if value and value not in flat]
    return 2 * len(rough) > len(present)


def _flat_values(values: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Values most of whose pixels continue to the right and down."""
    total = np.bincount(values.ravel(), minlength=256)
    here = values[:-1, :-1]
    goes_on = (here == values[:-1, 1:]) & (here == values[1:, :-1])
    inside = np.bincount(here[goes_on], minlength=256)
    return np.flatnonzero((total > 0) & (inside >= _FLAT * total))


def _sharpened(path: Path, values: NDArray[np.uint8]) -> Mask:
    """A smoothed black and white mask, cut at half of its white."""
    white = int(values.max())
    middle = (values > white // 4) & (values < white - white // 4)
    between = [v for v in _flat_values(values) if white // 4 < v < white - white // 4]
    large = any(np.count_nonzero(values == v) >= 16 for v in between)
    if large or np.count_nonzero(middle) > np.count_nonzero(values >= white - white // 4):
        raise DataError(
            f"{path}: looks smoothed, or saved as JPEG, and its greys could mean several things; "
            "save it as PNG with 0 and 255 alone, or with one flat value an object"
        )
    return values * 2.0 >= white
