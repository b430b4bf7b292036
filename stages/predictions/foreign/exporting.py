"""Our predictions in the layouts of others, as this package reads them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cache.whole import replace_text, whole_file, whole_folder
from configs.errors import DataError
from stages.data.files import plain_name
from stages.data.overlay import mask_png
from stages.data.rle import encode_rle
from stages.predictions.records import EpisodePrediction

_FIXED = (1980, 1, 1, 0, 0, 0)  # a zip member's time, so that the same masks are the same bytes

_FORMER = ("Annotations", *(f"anno_{k}" for k in range(16)))  # what a former export is made of

Predictions = Iterable[EpisodePrediction]
Put = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Exported:
    """What was written: how many ``files`` or masks, and the ``overlap``, pixels that several
    objects claimed and one got."""

    out: Path
    masks: int
    overlap: int = 0


def write_ref_youtube_vos(predictions: Predictions, out: Path) -> Exported:
    """``Annotations/<video>/<expression>/<frame>.png``, 1 on 0, in a folder or a .zip."""
    masks = 0
    with _files(out) as put:
        for said in predictions:
            for frame, mask in zip(said.info.frames, said.masks, strict=True):
                name = _path("Annotations", said.info.video, said.info.expression_id, frame)
                put(name, mask_png(mask))
                masks += 1
    return Exported(out, masks)


def write_davis(predictions: Predictions, out: Path) -> Exported:
    """``anno_<k>/<video>/<frame>.png``, pixel = object id, in a folder or a .zip.

    k numbers the sentences of an object, in the order of their ids. A pixel that several objects
    claim goes to the one whose presence in the frame is higher.
    """
    masks = overlap = 0
    with _files(out) as put:
        for (annotator, video), answers in _by_annotator(predictions).items():
            frames, ids, lost = _merged(answers)
            overlap += lost
            for frame, picture in zip(frames, ids, strict=True):
                put(_path(f"anno_{annotator}", video, frame), mask_png(picture))
                masks += 1
    return Exported(out, masks, overlap)


def write_rle(predictions: Predictions, out: Path, compact: bool = True) -> Exported:
    """A JSON file of COCO's run-length masks, a record a mask. compact: as text, or as runs."""
    records: list[dict[str, Any]] = [
        {
            "video": said.info.video,
            "expression": said.info.expression_id,
            "frame": frame,
            "score": float(presence),
            "segmentation": encode_rle(mask, compact),
        }
        for said in predictions
        for frame, mask, presence in zip(said.info.frames, said.masks, said.presence, strict=True)
    ]
    replace_text(out, json.dumps(records) + "\n")
    return Exported(out, len(records))


WRITERS: Mapping[str, Callable[[Predictions, Path], Exported]] = {
    "ref-youtube-vos": write_ref_youtube_vos,
    "davis": write_davis,
    "coco-rle": write_rle,
    "coco-runs": lambda predictions, out: write_rle(predictions, out, compact=False),
}


def _by_annotator(predictions: Predictions) -> dict[tuple[int, str], list[EpisodePrediction]]:
    """Predictions by the number of their sentence about the object, and by video."""
    of_object: dict[tuple[str, int], list[EpisodePrediction]] = {}
    for said in predictions:
        of_object.setdefault((said.info.video, said.info.object_id), []).append(said)
    found: dict[tuple[int, str], list[EpisodePrediction]] = {}
    for (video, _), answers in of_object.items():
        for annotator, said in enumerate(answers):
            found.setdefault((annotator, video), []).append(said)
    return found


def _merged(
    answers: list[EpisodePrediction],
) -> tuple[tuple[str, ...], npt.NDArray[np.uint8], int]:
    """Frame names, ids [T, H, W], and pixels claimed more than once, of a video's objects."""
    frames, shape = answers[0].info.frames, answers[0].masks.shape
    best = np.zeros(shape, dtype=np.float32)
    claims = np.zeros(shape, dtype=np.uint8)
    ids = np.zeros(shape, dtype=np.uint8)
    for said in sorted(answers, key=lambda said: said.info.object_id):
        if said.info.frames != frames or said.masks.shape != shape:
            raise DataError(
                f"video {said.info.video!r} has predictions of different frames or sizes; "
                "evaluate the run again"
            )
        sure = np.where(said.masks, 1 + said.presence[:, None, None], 0)
        ids[sure > best] = said.info.object_id
        np.maximum(best, sure, out=best)
        claims += said.masks
    return frames, ids, int(np.count_nonzero(claims > 1))


def _path(*names: str) -> str:
    """The PNG of those names; DataError where one is no plain name and would lead elsewhere."""
    for name in names:
        if not plain_name(name):
            raise DataError(f"{name!r} is no plain name of a file; it cannot be exported")
    return "/".join(names) + ".png"


@contextmanager
def _files(out: Path) -> Iterator[Put]:
    """Where to put files by name: a folder, or a zip archive; whole or absent."""
    if out.suffix.lower() != ".zip":
        with whole_folder(out, _FORMER) as partial:

            def into_folder(name: str, content: bytes) -> None:
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

            yield into_folder
        return
    with whole_file(out) as archive, zipfile.ZipFile(archive, "w") as packed:

        def into_archive(name: str, content: bytes) -> None:
            packed.writestr(zipfile.ZipInfo(name, _FIXED), content)  # a PNG is compressed already

        yield into_archive
