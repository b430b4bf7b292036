"""Where clips are made: a folder beside the result, in which each is whole or absent."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from joblib import delayed

from cache.claims import try_claim
from cache.whole import sync_tree
from configs.errors import UsageError
from stages.data.files import read_json, write_json
from stages.data.parallel import Progress, in_parallel
from stages.data.photo_clips.catalogue import Catalogue
from stages.data.photo_clips.clip import PhotoClip
from stages.data.photo_clips.composed import Scenery, compose
from stages.data.photo_clips.moved import film_photograph
from stages.data.photo_clips.planning import PhotoClipSettings, Plan
from stages.data.sample.writer import frame_name, write_jpeg, write_mask

VERSION = 2
FOLDERS = ("train/JPEGImages", "train/Annotations")
_NOTES = "making"  # a file for each clip tried: what it shows, or null where it was refused


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
    """The folder where the clips of one build are made."""

    def __init__(
        self, folder: Path, settings: PhotoClipSettings, jobs: int, progress: Progress | None
    ) -> None:
        self.folder = folder
        self._settings, self._jobs, self._progress = settings, jobs, progress

    @contextmanager
    def opened(self, digest: str) -> Iterator[None]:
        """Hold the folder, with what an equal build left in it; anything else is thrown away.

        Raises UsageError while another process builds there.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        claim = try_claim(self.folder.parent, f"{self.folder.name}.lock")
        if claim is None:
            raise UsageError(f"{self.folder}: another build is at work; wait for it")
        try:
            note = self.folder / "build.json"
            if self.folder.exists() and (not note.exists() or read_json(note) != digest):
                shutil.rmtree(self.folder)
            for name in (*FOLDERS, _NOTES):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            write_json(note, digest)
            yield
        finally:
            claim.release()

    def clear(self, kept: Collection[str]) -> None:
        """Leave the clips of these names alone and nothing else."""
        for name in FOLDERS:
            for clip in (self.folder / name).iterdir():
                if clip.name not in kept:
                    shutil.rmtree(clip)
        (self.folder / "build.json").unlink()
        shutil.rmtree(self.folder / _NOTES)

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


def _make(plan: Plan, settings: PhotoClipSettings, folder: Path) -> dict[str, Any] | None:
    """Make one clip, or read what is said of it where it is made already."""
    cv2.setNumThreads(1)
    note = folder / _NOTES / f"{plan.name}.json"
    if note.exists():
        entry: dict[str, Any] | None = read_json(note)
        return entry
    rng = settings.draw("clip", plan.name)
    if isinstance(plan.material, Scenery):
        clip = compose(rng, plan.material, settings.clip)
    else:
        clip = film_photograph(rng, plan.material, plan.kind, settings.clip)
    entry = None if clip is None else _write_clip(folder, plan, clip)
    write_json(note, entry)
    return entry


def _write_clip(folder: Path, plan: Plan, clip: PhotoClip) -> dict[str, Any]:
    names = [frame_name(t) for t in range(len(clip.frames))]
    pictures, masks = (folder / kind / plan.name for kind in FOLDERS)
    for target in (pictures, masks):
        shutil.rmtree(target, ignore_errors=True)  # what a killed build left half written
        target.mkdir(exist_ok=True)
    for name, frame, ids in zip(names, clip.frames, clip.ids, strict=True):
        write_jpeg(pictures / f"{name}.jpg", frame)
        write_mask(masks / f"{name}.png", ids)
    sync_tree(pictures)
    sync_tree(masks)
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
