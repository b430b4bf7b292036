"""Which of the marked objects the sentence means: what support.toml says, or the only one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from configs.errors import DataError, MissingError
from stages.data.outlines import Mask
from stages.data.schema import SupportNotes
from stages.data.support.annotation import AnnotatedFrame, Contents, Marked
from stages.data.support.notes import NOTES

_WHITE = (1, 255)  # what a black and white mask's object may be called


def choose(
    contents: Contents, frames: Sequence[AnnotatedFrame], notes: SupportNotes
) -> tuple[list[tuple[AnnotatedFrame, Mask]], Marked | None]:
    """The frames with the mask [H, W] of the object, and what the object is called.

    Frames in which it cannot be told are faults, but for those that may lack it.
    """
    if not frames and not contents.faults:
        contents.faults.append(
            MissingError(f"{contents.folder}: no image has an annotation; mark the object on some")
        )
    if frames and not any(frame.objects for frame in frames):
        contents.faults.append(
            DataError(f"{contents.folder}: every mask is all background; paint the object")
        )
        return [], None
    wanted = _wanted(contents, frames, notes)
    chosen: list[tuple[AnnotatedFrame, Mask]] = []
    lacking = 0
    for frame in frames:
        found = [] if wanted is None else [m for m in frame.objects if _same(m, wanted, notes)]
        if wanted is not None and frame.may_lack and not found:
            lacking += 1
        elif (fault := _fault(frame, found, wanted, notes)) is not None:
            contents.faults.append(fault)
        elif found:
            chosen.append((frame, np.logical_or.reduce([m.mask for m in found])))
    if lacking:
        contents.remarks.append(
            f"{contents.folder}: {lacking} of {len(frames)} images do not show the object and are "
            "left out"
        )
    if frames and lacking == len(frames):
        contents.faults.append(DataError(f"{contents.folder}: no image shows the object; mark it"))
    return chosen, wanted


def _wanted(
    contents: Contents, frames: Sequence[AnnotatedFrame], notes: SupportNotes
) -> Marked | None:
    """One of the marks that are the object; None, with a fault, where it cannot be told."""
    marks = [marked for frame in frames for marked in frame.objects]
    fitting = [m for m in marks if _fits(m, notes)]
    if not fitting:
        if marks and _says_which(notes, marks):
            contents.faults.extend(_absent(contents.folder, marks, notes))
        return None
    kinds = {m.identity: m for m in fitting if not m.plain}
    if len(kinds) > 1:
        contents.faults.append(_several(contents.folder, list(kinds.values())))
        return None
    return next(iter(kinds.values()), fitting[0])


def _fits(marked: Marked, notes: SupportNotes) -> bool:
    """Whether a mark is what support.toml asks for, as far as it says."""
    if notes.object_id is not None and not _numbered(marked, notes.object_id):
        return False
    if notes.colour is not None and marked.colour != notes.colour:
        return False
    told = notes.category is not None and marked.label is not None
    return not told or (marked.label or "").lower() == (notes.category or "").lower()


def _numbered(marked: Marked, number: int) -> bool:
    return marked.number == number or (marked.plain and number in _WHITE)


def _says_which(notes: SupportNotes, marks: Iterable[Marked]) -> bool:
    labelled = any(m.label is not None for m in marks)
    return bool(notes.colour or (labelled and notes.category))


def _same(marked: Marked, wanted: Marked, notes: SupportNotes) -> bool:
    """A black and white mask shows the object, whatever number other masks give it."""
    if marked.identity == wanted.identity:
        return True
    return (marked.plain or wanted.plain) and _fits(marked, notes)


def _several(folder: Path, kinds: Sequence[Marked]) -> DataError:
    """The fault of marks that are of different objects."""
    where = folder / NOTES
    if len({(m.label or "").lower() for m in kinds}) > 1:
        names = ", ".join(sorted({repr(m.label) for m in kinds}))
        return DataError(f"{where}: outlines are labelled {names}; say which one with category")
    if any(m.colour for m in kinds):
        names = ", ".join(sorted(m.colour or "" for m in kinds))
        return DataError(f"{where}: the masks hold colours {names}; say which one with colour")
    if any(m.number is None for m in kinds):
        label = kinds[0].label
        return DataError(
            f"{where}: some outlines of {label!r} have a track or group and some have none; give "
            "all of the object's the same, and say which one with object_id"
        )
    names = ", ".join(str(number) for number in sorted(m.number or 0 for m in kinds))
    return DataError(f"{where}: the masks hold objects {names}; say which one with object_id")


def _absent(folder: Path, marks: Sequence[Marked], notes: SupportNotes) -> Iterable[DataError]:
    where = folder / NOTES
    if notes.colour:
        names = ", ".join(sorted({m.colour or "black and white" for m in marks}))
        yield DataError(f"{where}: no mask holds colour {notes.colour} (they hold {names})")
    elif notes.category:
        names = ", ".join(sorted({m.label or "" for m in marks}))
        yield DataError(
            f"{where}: nothing is labelled {notes.category!r} (labels: {names}); correct category"
        )


def _fault(
    frame: AnnotatedFrame, found: Sequence[Marked], wanted: Marked | None, notes: SupportNotes
) -> DataError | None:
    """What is wrong with one frame."""
    if not frame.objects and not frame.may_lack:
        return DataError(
            f"{frame.where}: the mask is all background; paint the object or remove the frame"
        )
    if wanted is None and notes.object_id is not None and not frame.may_lack:
        return _lacks(frame, str(notes.object_id), NOTES)
    if wanted is not None and not found:
        return _lacks(frame, str(wanted.number or wanted.colour or notes.object_id), NOTES)
    if len(found) > 1 and found[0].label is not None:
        return DataError(
            f"{frame.where}: {frame.name} has {len(found)} outlines of {found[0].label!r}, and the "
            "sentence can mean one; remove the others, or give the parts of one object one group id"
        )
    return None


def _lacks(frame: AnnotatedFrame, name: str, notes: str) -> DataError:
    there = ", ".join(sorted({str(m.number or m.colour or "white") for m in frame.objects}))
    return DataError(
        f"{frame.where}: object {name} is not in the mask (it has {there}); "
        f"correct object_id in {notes} or remove the frame"
    )
