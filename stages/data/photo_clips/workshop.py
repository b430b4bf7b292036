"""Where clips are made: a folder beside the result, in which each is whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
from joblib import delayed

from stages.data.building_folder import BuildingFolder
from stages.data.files import read_json
from stages.data.parallel import Progress, in_parallel
from stages.data.photo_clips.catalogue import Catalogue
from stages.data.photo_clips.clip import PhotoClip
from stages.data.photo_clips.composed import Scenery, compose
from stages.data.photo_clips.moved import film_photograph
from stages.data.photo_clips.planning import PhotoClipSettings, Plan
from stages.data.sample.writer import frame_name, write_jpeg, write_mask

VERSION = 2


@dataclass(frozen=True)
class Made:
    """A clip that is on disk; `twins` where two objects of its kind have sentences."""

    plan: str
    kind: str
    twins: bool
    frames: tuple[str, ...]
    objects: tuple[tuple[int, str], ...]
    expressions: tuple[tuple[str, int], ...]
    pictures: tuple[str, ...]


class Workshop:
    """The clips of one build, made in its folder."""

    def __init__(
        self,
        folder: BuildingFolder,
        settings: PhotoClipSettings,
        jobs: int,
        progress: Progress | None,
    ) -> None:
        self.folder = folder
        self._settings, self._jobs, self._progress = settings, jobs, progress

    def make(self, plans: Sequence[Plan]) -> list[Made]:
        """The clips of `plans` that came out, in that order."""
        tasks = [delayed(_make)(plan, self._settings, self.folder) for plan in plans]
        entries: list[dict[str, Any] | None] = in_parallel(tasks, self._jobs, self._progress)
        return [_made(entry) for entry in entries if entry is not None]


def digest_of(catalogue: Catalogue, settings: PhotoClipSettings) -> str:
    """What a build hangs on, as sha256."""
    photos = [(p.id, p.height, p.width, [(o.kind, o.share, o.box) for o in p.outlines],
               sorted(p.uncounted)) for p in catalogue.photographs]  # fmt: skip
    text = json.dumps([VERSION, asdict(settings), photos])
    return hashlib.sha256(text.encode()).hexdigest()


def _make(plan: Plan, settings: PhotoClipSettings, folder: BuildingFolder) -> dict[str, Any] | None:
    """Make one clip, or read what is said of it where it is made already."""
    cv2.setNumThreads(1)
    note = folder.note(plan.name)
    if note.exists():
        entry: dict[str, Any] | None = read_json(note)
        return entry
    rng = settings.draw("clip", plan.name)
    if isinstance(plan.material, Scenery):
        clip = compose(rng, plan.material, settings.clip)
    else:
        clip = film_photograph(rng, plan.material, plan.kind, settings.clip)
    entry = None if clip is None else _write_clip(folder, plan, clip)
    folder.finish(plan.name, entry)
    return entry


def _write_clip(folder: BuildingFolder, plan: Plan, clip: PhotoClip) -> dict[str, Any]:
    names = [frame_name(t) for t in range(len(clip.frames))]
    pictures, masks = folder.video(plan.name)
    for name, frame, ids in zip(names, clip.frames, clip.ids, strict=True):
        write_jpeg(pictures / f"{name}.jpg", frame)
        write_mask(masks / f"{name}.png", ids)
    made = Made(
        plan.name, plan.kind, clip.spoken_of(plan.kind) > 1, tuple(names), clip.objects,
        clip.expressions, clip.pictures,
    )  # fmt: skip
    return asdict(made)


def _made(entry: dict[str, Any]) -> Made:
    return Made(
        plan=entry["plan"],
        kind=entry["kind"],
        twins=entry["twins"],
        frames=tuple(entry["frames"]),
        objects=tuple((int(n), str(k)) for n, k in entry["objects"]),
        expressions=tuple((str(t), int(n)) for t, n in entry["expressions"]),
        pictures=tuple(entry["pictures"]),
    )
