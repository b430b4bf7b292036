"""`fsrvos data annotate`: sentences for objects that have masks and none, written by people.

As the paper tells of SAIL-VOS: a person sees frames with the object marked and writes one sentence
of at most 20 words, marks what cannot be told apart as unclear, and another person reads it. A
folder holds a picture an object and `sentences.csv`, which any spreadsheet opens; written back, the
sentences of clear objects that somebody else has read become the source's expressions.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cache.whole import replace_text
from configs.errors import DataError, MissingError, UsageError
from stages.data.builders.sources import find_image, find_root
from stages.data.files import clean_expression, mapping, plain_name, read_json, write_json
from stages.data.images import read_ids, read_rgb
from stages.data.order import frame_files
from stages.data.overlay import Tile, contact_sheet, draw_mask, evenly, write_png

TABLE = "sentences.csv"
MOST_WORDS = 20
_SHOWN = 6  # frames in an object's picture
_IMAGES = ("Images", "JPEGImages")
_YES = ("1", "x", "y", "yes", "true")


@dataclass(frozen=True)
class Row:
    """An object and what was written of it. ``unclear`` drops it; ``read_by`` is somebody else."""

    video: str
    object: str
    category: str
    picture: str
    sentence: str = ""
    written_by: str = ""
    read_by: str = ""
    unclear: str = ""

    @property
    def dropped(self) -> bool:
        """Whether it was marked as unclear."""
        return self.unclear.strip().lower() in _YES


@dataclass(frozen=True)
class AnnotationReport:
    """How far a folder is: objects in all, with a sentence, read by another, dropped as unclear;
    ``faults`` in one line each."""

    folder: Path
    objects: int
    written: int
    read: int
    unclear: int
    faults: tuple[str, ...]


def start(source: Path, folder: Path) -> AnnotationReport:
    """Draw a picture of every object of `source` and add it to the table; what stands there stays.

    source: a folder with ``Images/<video>/<frame>.*``, ``Annotations/<video>/<frame>.png`` and
    ``meta.json``. Raises MissingError or DataError for a source of another form.
    """
    root = find_root(source, "meta.json")
    rows = {(row.video, row.object): row for row in read_table(folder)}
    meta = mapping(mapping(read_json(root / "meta.json"), "meta.json").get("videos"), "meta.json")
    for video, entry in meta.items():
        if not plain_name(video):
            raise DataError(f"{root / 'meta.json'}: video {video!r} leaves the folder")
        for number, about in mapping(entry.get("objects"), f"video {video!r}").items():
            picture = f"{video}_{number}.png"
            if (video, number) in rows and (folder / picture).is_file():
                continue
            write_png(folder / picture, draw_object(root, video, int(number)))
            category = str(about.get("category", ""))
            rows.setdefault((video, number), Row(video, number, category, picture))
    write_table(folder, list(rows.values()))
    return report(folder)


def draw_object(root: Path, video: str, number: int) -> Any:
    """A picture [H, W, 3] of some frames of a video that show an object, it alone marked."""
    masks = root / "Annotations" / video
    names = [path.stem for path in frame_files(masks, (".png",))]
    images = next((root / name for name in _IMAGES if (root / name).is_dir()), root / _IMAGES[0])
    shown = [name for name in names if (read_ids(masks / f"{name}.png") == number).any()]
    if not shown:
        raise DataError(f"{masks}: object {number} shows in no frame; remove it from meta.json")
    tiles = []
    for index in evenly(len(shown), min(_SHOWN, len(shown))):
        name = shown[index]
        frame = read_rgb(find_image(images / video, name, root))
        mask = read_ids(masks / f"{name}.png") == number
        outlined = draw_mask(frame, np.asarray(mask), opacity=0)  # its colours are to be described
        tiles.append(Tile(outlined, f"{video} {name}"))
    return contact_sheet(tiles, columns=3, tile_width=480)


def report(folder: Path) -> AnnotationReport:
    """How far the table of a folder is, and what is wrong with it."""
    rows = read_table(folder)
    clear = [row for row in rows if not row.dropped]
    faults = [fault for row in clear if row.sentence.strip() for fault in faults_of(row)]
    return AnnotationReport(
        folder=folder,
        objects=len(rows),
        written=sum(bool(row.sentence.strip()) for row in clear),
        read=sum(bool(row.read_by.strip()) for row in clear),
        unclear=len(rows) - len(clear),
        faults=tuple(faults),
    )


def faults_of(row: Row) -> list[str]:
    """What is wrong with a written sentence."""
    where = f"video {row.video!r}, object {row.object}"
    words = len(row.sentence.split())
    faults = []
    if words > MOST_WORDS:
        faults.append(f"{where}: {words} words, more than {MOST_WORDS}; shorten the sentence")
    if not row.written_by.strip():
        faults.append(f"{where}: nobody is named who wrote the sentence")
    if row.read_by.strip() and row.read_by.strip().lower() == row.written_by.strip().lower():
        faults.append(f"{where}: read by {row.read_by}, who wrote it; another person is to read it")
    return faults


def finish(source: Path, folder: Path) -> AnnotationReport:
    """Write ``meta_expressions.json`` of the source from a table that is done.

    Raises DataError, naming the first fault, while a clear object lacks a sentence or a reader; and
    UsageError where the source has sentences already.
    """
    root = find_root(source, "meta.json")
    path = root / "meta_expressions.json"
    if path.exists():
        raise UsageError(f"{path}: exists already; remove it to write it anew")
    done = report(folder)
    rows = [row for row in read_table(folder) if not row.dropped]
    lacking = [r for r in rows if not r.sentence.strip() or not r.read_by.strip()]
    if done.faults or lacking:
        first = done.faults[0] if done.faults else (
            f"video {lacking[0].video!r}, object {lacking[0].object}: "
            + ("no sentence" if not lacking[0].sentence.strip() else "read by nobody yet")
        )  # fmt: skip
        raise DataError(
            f"{folder / TABLE}: {first} ({len(done.faults) + len(lacking)} such); finish the table"
        )
    if not rows:
        raise DataError(f"{folder / TABLE}: no object is clear, so there is nothing to write")
    write_json(path, {"videos": _videos(root, rows, folder / TABLE)})
    return done


def _videos(root: Path, rows: Sequence[Row], table: Path) -> dict[str, Any]:
    videos: dict[str, Any] = {}
    for row in rows:
        if not plain_name(row.video):
            raise DataError(f"{table}: video {row.video!r} leaves the folder")
        masks = root / "Annotations" / row.video
        frames = [path.stem for path in frame_files(masks, (".png",))]
        entry = videos.setdefault(row.video, {"frames": frames, "expressions": {}})
        text = clean_expression(row.sentence, f"{table}: video {row.video!r}")
        key = str(len(entry["expressions"]))
        entry["expressions"][key] = {"exp": text, "obj_id": row.object}
    return videos


def read_table(folder: Path) -> list[Row]:
    """The rows of a folder's table; none without one. Raises DataError for another table."""
    path = folder / TABLE
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{path}: not UTF-8 text; save the table as UTF-8") from None
    dialect = ";" if text.partition("\n")[0].count(";") > 3 else ","  # spreadsheets differ
    rows = list(csv.DictReader(io.StringIO(text), delimiter=dialect))
    names = [field.name for field in fields(Row)]
    found = []
    for number, row in enumerate(rows, start=2):
        if any(row.get(name) is None for name in names):
            raise DataError(f"{path}: line {number} lacks one of the columns {', '.join(names)}")
        found.append(Row(**{name: row[name] for name in names}))
    return found


def write_table(folder: Path, rows: Sequence[Row]) -> None:
    """Write the table, whole or not at all."""
    if not rows:
        raise MissingError(f"{folder}: the source names no object; is it the right one?")
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    content: list[Mapping[str, Any]] = [asdict(row) for row in rows]
    writer.writerows(content)
    replace_text(folder / TABLE, text.getvalue())
