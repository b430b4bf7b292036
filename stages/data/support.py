"""Support folders: annotated frames of another video, as a user lays them out.

::

    dir/support.toml      expression = "a brown dog"   object_id = 1   category = "dog"
    dir/a.jpg  dir/a.png  an image and its mask of the same name, palette or grey PNG
    dir/masks/a.png       or the masks in a folder of their own (needed when the images are PNG)

`object_id` may be left out where the masks hold a single object; `category` is optional.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.files import read_toml, stays_inside
from stages.data.images import read_ids, read_rgb
from stages.data.order import frame_files
from stages.data.schema import Faults, SupportNotes, check_shape

Result = TypeVar("Result")

NOTES = "support.toml"
EXAMPLE = 'expression = "a brown dog" and object_id = 1'


@dataclass(frozen=True)
class SupportSet:
    """S annotated frames in name order. Sizes may differ between frames, never within a pair.

    `frames` are RGB [H, W, 3], `masks` boolean [H, W] and never empty.
    """

    names: tuple[str, ...]
    frames: tuple[NDArray[np.uint8], ...]
    masks: tuple[NDArray[np.bool_], ...]
    expression: str
    object_id: int
    category: str | None


@dataclass(frozen=True)
class _Pair:
    """One decoded image [H, W, 3] with the object ids [H, W] of its mask."""

    mask_path: Path
    frame: NDArray[np.uint8]
    ids: NDArray[np.uint8]


def load_support(folder: Path | str) -> SupportSet:
    """Read a support folder.

    Raises MissingError (no folder, no images, no support.toml, a mask missing) or DataError (an
    unreadable file, sizes that differ, a mask without the object, a link that leaves the folder).
    """
    support, faults = scan_support(Path(folder))
    if support is None:
        raise faults[0]
    return support


def scan_support(folder: Path) -> tuple[SupportSet | None, Faults]:
    """The support set, or None together with every fault found."""
    if not folder.is_dir():
        return None, [MissingError(f"{folder}: no such support folder; check the path")]
    faults: Faults = []
    images = _images(folder, faults)
    notes = _read_notes(folder, faults)
    pairs = [p for image in images if (p := _collect(faults, _read_pair, folder, image))]
    wanted = notes.object_id if notes else None
    if notes and wanted is None and pairs and not faults:
        wanted = _collect(faults, _only_object, folder, pairs)
    for pair in pairs:
        _collect(faults, _require_object, pair, wanted)
    if faults or notes is None or wanted is None:
        return None, faults
    support = SupportSet(
        names=tuple(pair.mask_path.stem for pair in pairs),
        frames=tuple(pair.frame for pair in pairs),
        masks=tuple(pair.ids == wanted for pair in pairs),
        expression=notes.expression,
        object_id=wanted,
        category=notes.category,
    )
    return support, []


def _collect(faults: Faults, work: Callable[..., Result], *arguments: object) -> Result | None:
    """`work(*arguments)`, or None with its fault appended to `faults`."""
    try:
        return work(*arguments)
    except FsrvosError as fault:
        faults.append(fault)
        return None


def _images(folder: Path, faults: Faults) -> list[Path]:
    """The support images in name order; PNG files beside them are masks, unless masks/ exists."""
    found = frame_files(folder)
    images = found
    if not (folder / "masks").is_dir():
        images = [f for f in found if f.suffix.lower() != ".png"]
    if not images and found:
        hint = "add the JPEG images they belong to, or move the masks into a folder masks/"
        faults.append(MissingError(f"{folder}: holds only PNG files; {hint}"))
    elif not images:
        hint = "add images, a mask PNG of the same name for each, and support.toml"
        faults.append(MissingError(f"{folder}: the support folder holds no images; {hint}"))
    stems = [f.stem for f in images]
    for image in images:
        if stems.count(image.stem) > 1 and stems.index(image.stem) != images.index(image):
            faults.append(DataError(f"{image}: another image has the same name; rename one"))
    return images


def _read_pair(folder: Path, image: Path) -> _Pair:
    """An image with its mask, checked to be of one size."""
    inside = folder / "masks"
    mask = (inside if inside.is_dir() else folder) / f"{image.stem}.png"
    if not mask.exists():
        hint = "add a palette or grey PNG whose pixel values are object ids"
        raise MissingError(f"{mask}: the mask of {image.name} is missing; {hint}")
    for path in (image, mask):
        _require_inside(path, folder)
    frame, ids = read_rgb(image), read_ids(mask)
    if frame.shape[:2] != ids.shape:
        raise DataError(
            f"{mask}: the mask has {ids.shape[1]} x {ids.shape[0]} pixels, its image "
            f"{frame.shape[1]} x {frame.shape[0]}; give both the same size"
        )
    return _Pair(mask, frame, ids)


def _require_inside(path: Path, folder: Path) -> None:
    if not stays_inside(path, folder.resolve()):
        raise DataError(f"{path}: a link leads out of the support folder; copy the file in")


def _require_object(pair: _Pair, wanted: int | None) -> None:
    """DataError when the mask is empty or lacks the object."""
    there = _ids(pair)
    if not there:
        raise DataError(
            f"{pair.mask_path}: the mask is all background; paint the object or remove the frame"
        )
    if wanted is not None and wanted not in there:
        listed = ", ".join(map(str, there))
        raise DataError(
            f"{pair.mask_path}: object {wanted} is not in the mask (it has {listed}); "
            "correct object_id in support.toml or remove the frame"
        )


def _ids(pair: _Pair) -> list[int]:
    return [int(i) for i in np.unique(pair.ids) if i]


def _only_object(folder: Path, pairs: list[_Pair]) -> int:
    """The object id when the masks hold just one."""
    found = sorted({i for pair in pairs for i in _ids(pair)})
    if not found:
        raise DataError(f"{folder}: every mask is all background; paint the object")
    if len(found) > 1:
        raise DataError(
            f"{folder / 'support.toml'}: the masks hold objects {', '.join(map(str, found))}; "
            "say which one with object_id"
        )
    return found[0]


def _read_notes(folder: Path, faults: Faults) -> SupportNotes | None:
    """support.toml, or None with what is wrong with it added to `faults`."""
    path = folder / NOTES
    try:
        if not path.is_file():
            raise MissingError(f"{path}: no such file; write one with {EXAMPLE}")
        _require_inside(path, folder)
        return check_shape(SupportNotes, read_toml(path, EXAMPLE), str(path), faults)
    except FsrvosError as fault:
        faults.append(fault)
        return None
