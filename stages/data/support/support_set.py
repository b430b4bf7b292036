"""A support folder in any of its formats, read and checked as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.outlines import Mask
from stages.data.schema import Faults, SupportNotes
from stages.data.support.choosing import choose
from stages.data.support.formats import format_of, open_folder
from stages.data.support.notes import read_notes


@dataclass(frozen=True)
class SupportSet:
    """S annotated frames in the folder's order. Sizes may differ between frames, never in a pair.

    `frames` are RGB [H, W, 3], `masks` boolean [H, W] and never empty. `object_id` is the object's
    number in the files, None where they give it none. `remarks` say how the folder was understood
    where a person may want to know, a line each.
    """

    names: tuple[str, ...]
    frames: tuple[NDArray[np.uint8], ...]
    masks: tuple[Mask, ...]
    expression: str
    object_id: int | None
    category: str | None
    format: str
    remarks: tuple[str, ...] = ()


def load_support(folder: Path | str, *, expression: str | None = None) -> SupportSet:
    """Read a support folder; `expression` counts instead of support.toml's.

    Raises MissingError (no folder, no images, no sentence, a mask missing) or DataError (an
    unreadable file, sizes that differ, a mask without the object or with several, a link that
    leaves the folder): the first fault, and how many more there are.
    """
    support, faults = scan_support(Path(folder), expression=expression)
    if support is None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more: fsrvos data check {folder})" if faults[1:] else ""
        kind = MissingError if isinstance(first, MissingError) else DataError
        raise kind(f"{first}{more}")
    return support


def scan_support(
    folder: Path, *, expression: str | None = None
) -> tuple[SupportSet | None, list[FsrvosError]]:
    """The support set, or None together with every fault found."""
    if not folder.is_dir():
        return None, [MissingError(f"{folder}: no such support folder; check the path")]
    faults: Faults = []
    contents = open_folder(folder, faults)
    try:
        layout = format_of(contents)
        frames = layout.read(contents)
    except FsrvosError as fault:
        return None, [*faults, fault]
    notes = read_notes(contents, expression)
    chosen, wanted = choose(contents, frames, notes or SupportNotes.model_construct())
    if faults or notes is None or wanted is None:
        return None, faults
    support = SupportSet(
        names=tuple(frame.name for frame, _ in chosen),
        frames=tuple(frame.frame for frame, _ in chosen),
        masks=tuple(mask for _, mask in chosen),
        expression=notes.expression,
        object_id=wanted.number if notes.object_id is None else notes.object_id,
        category=notes.category or wanted.label,
        format=layout.name,
        remarks=tuple(contents.remarks),
    )
    return support, []
