"""Which of the marked objects the sentence means: what support.toml says, or the only one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
        contents.faults.extend(_absent(contents.folder / NOTES, marks, notes))
        return None
    kinds = {m.identity: m for m in fitting if not m.plain}
    if len(kinds) > 1:
        contents.faults.append(_several(contents.folder / NOTES, list(kinds.values())))
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


def _same(marked: Marked, wanted: Marked, notes: SupportNotes) -> bool:
    """A black and white mask shows the object, whatever number other masks give it."""
    if marked.identity == wanted.identity:
        return True
    return (marked.plain or wanted.plain) and _fits(marked, notes)


def _several(where: Path, kinds: Sequence[Marked]) -> DataError:
    """The fault of marks that are of different objects."""
    if len({(m.label or "").lower() for m in kinds}) > 1:
        names = _listed(repr(m.label) for m in kinds)
        return DataError(f"{where}: outlines are labelled {names}; say which one with category")
    if any(m.colour for m in kinds):
        names = _listed(m.colour for m in kinds)
        return DataError(f"{where}: the masks hold colours {names}; say which one with colour")
    if any(m.number is None for m in kinds):
        return DataError(
            f"{where}: some outlines of {kinds[0].label!r} have a track or group and some have "
            "none; give all of the object's the same, and say which one with object_id"
        )
    names = ", ".join(map(str, sorted({m.number for m in kinds if m.number is not None})))
    return DataError(f"{where}: the masks hold objects {names}; say which one with object_id")


def _absent(where: Path, marks: Sequence[Marked], notes: SupportNotes) -> Iterator[DataError]:
    """What support.toml asks for and no frame has; masks lack a number a frame each."""
    labels = [m for m in marks if m.label is not None]
    category = (notes.category or "").lower()
    if marks and notes.colour and not any(m.colour == notes.colour for m in marks):
        names = _listed(m.colour for m in marks) or "no colours"
        yield DataError(f"{where}: no mask holds colour {notes.colour} (they hold {names})")
    elif labels and category and not any((m.label or "").lower() == category for m in labels):
        names = _listed(m.label for m in labels)
        yield DataError(
            f"{where}: nothing is labelled {notes.category!r} (labels: {names}); correct category"
        )
    elif labels:
        names = _listed(None if m.number is None else str(m.number) for m in labels) or "none"
        yield DataError(
            f"{where}: no outline of it is of group or track {notes.object_id} (there are {names})"
        )


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join(sorted({name for name in names if name}))


def _fault(
    frame: AnnotatedFrame, found: Sequence[Marked], wanted: Marked | None, notes: SupportNotes
) -> DataError | None:
    """What is wrong with one frame."""
    if not frame.objects and not frame.may_lack:
        return DataError(
            f"{frame.where}: the mask is all background; paint the object or remove the frame"
        )
    if wanted is None and notes.object_id is not None and not frame.may_lack:
        return _lacks(frame, str(notes.object_id))
    if wanted is not None and not found:
        return _lacks(frame, wanted.colour or str(wanted.number))
    if len(found) > 1 and found[0].label is not None:
        return DataError(
            f"{frame.where}: {frame.name} has {len(found)} outlines of {found[0].label!r}, and the "
            "sentence can mean one; remove the others, or give the parts of one object one group id"
        )
    return None


def _lacks(frame: AnnotatedFrame, name: str) -> DataError:
    there = _listed(m.colour or (str(m.number) if m.number else "white") for m in frame.objects)
    return DataError(
        f"{frame.where}: object {name} is not in the mask (it has {there}); "
        f"correct {NOTES} or remove the frame"
    )
