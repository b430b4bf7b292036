"""What has been drawn: sketches in memory, and the support folder that they become."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache.whole import require_replaceable, whole_folder
from configs.errors import DataError, MissingError, UsageError
from stages.data.images import decode_rgb
from stages.data.overlay import png_of, write_mask_png
from stages.data.support import SupportSet, load_support
from stages.data.support.annotation import MOST_FRAMES
from stages.data.support.notes import NOTES

FRAMES, MASKS = "frames", "masks"
NAMES = (FRAMES, MASKS, NOTES)
OBJECT = 1

Frame = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sketch:
    """One frame, as the bytes of a PNG, with the mask [H, W] that was drawn on it."""

    name: str
    picture: bytes
    mask: Mask

    @property
    def frame(self) -> Frame:
        """RGB [H, W, 3]."""
        return decode_rgb(np.frombuffer(self.picture, np.uint8), self.name)


class Sketchbook:
    """The sketches that become the support folder `folder`, by name.

    A folder that was drawn before is gone on with. Raises UsageError where `folder` holds anything
    else, which saving would throw away, and DataError where it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sentence = ""
        self.saved = 0
        self._category: str | None = None
        self._sketches: dict[str, Sketch] = {}
        require_replaceable(folder, NAMES)
        if folder.is_dir() and any(folder.iterdir()):
            self._go_on()

    def _go_on(self) -> None:
        former = load_support(self.folder)
        drawn = {Path(part, f"{name}.png") for part in (FRAMES, MASKS) for name in former.names}
        there = {
            f.relative_to(self.folder)
            for f in self.folder.rglob("*")
            if f.is_symlink() or not f.is_dir()
        }
        for foreign in sorted(there - drawn - {Path(NOTES)}):
            raise UsageError(
                f"{self.folder / foreign} was not drawn here, and saving would remove it; "
                "name a folder of its own"
            )
        self.sentence, self._category = former.expression, former.category
        for name, frame, mask in zip(former.names, former.frames, former.masks, strict=True):
            self._sketches[name] = Sketch(name, png_of(frame), mask)

    def __iter__(self) -> Iterator[Sketch]:
        return iter(list(self._sketches.values()))

    def __len__(self) -> int:
        return len(self._sketches)

    def get(self, name: str) -> Sketch:
        """The sketch of that name; MissingError where there is none."""
        found = self._sketches.get(name)
        if found is None:
            raise MissingError(f"no frame {name!r} is kept")
        return found

    def keep(self, name: str, frame: Frame, mask: Mask) -> str:
        """Add a sketch under `name`, and give the name it has got.

        The same frame drawn again takes the former one's place, and another frame that would be
        called the same gets a number. DataError for a mask of nothing.
        """
        if not mask.any():
            raise DataError("nothing is drawn on this frame; outline or paint the object first")
        free = (name if n == 1 else f"{name}-{n}" for n in itertools.count(1))
        name = next(given for given in free if self._takes(given, frame))
        if name not in self._sketches and len(self) >= MOST_FRAMES:
            raise DataError(f"a support takes {MOST_FRAMES} frames at most; remove one first")
        self._sketches[name] = Sketch(name, png_of(frame), mask)
        return name

    def _takes(self, name: str, frame: Frame) -> bool:
        former = self._sketches.get(name)
        return former is None or np.array_equal(former.frame, frame)

    def remove(self, name: str) -> None:
        """Take a sketch out; MissingError where there is none."""
        self.get(name)
        del self._sketches[name]

    def as_support(self, expression: str) -> SupportSet:
        """The sketches as a network is shown them; `expression` is clean."""
        sketches = self._some()
        return SupportSet(
            names=tuple(sketch.name for sketch in sketches),
            frames=tuple(sketch.frame for sketch in sketches),
            masks=tuple(sketch.mask for sketch in sketches),
            expression=expression,
            object_id=OBJECT,
            category=self._category,
            format="drawn",
        )

    def save(self, expression: str) -> None:
        """Write the folder, whole or not at all; a former one is replaced. Raises FsrvosError.

        expression: clean.
        """
        sketches = self._some()
        with whole_folder(self.folder, NAMES) as folder:
            for part in (FRAMES, MASKS):
                (folder / part).mkdir()
            for sketch in sketches:
                (folder / FRAMES / f"{sketch.name}.png").write_bytes(sketch.picture)
                write_mask_png(folder / MASKS / f"{sketch.name}.png", sketch.mask)
            (folder / NOTES).write_text(self._notes(expression), encoding="utf-8")
            load_support(folder)  # what nobody could read must not replace what is there
        self.sentence, self.saved = expression, len(sketches)

    def _some(self) -> list[Sketch]:
        sketches = list(self)
        if not sketches:
            raise DataError("no frame is kept yet; draw the object on one and keep it")
        return sketches

    def _notes(self, expression: str) -> str:
        lines = {"expression": expression, "object_id": OBJECT}
        if self._category is not None:
            lines["category"] = self._category
        # JSON's texts and numbers are TOML's, but for one character that TOML wants escaped.
        written = (f"{key} = {json.dumps(v, ensure_ascii=False)}\n" for key, v in lines.items())
        return "".join(written).replace("\x7f", "\\u007f")
