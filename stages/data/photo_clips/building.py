"""Building the whole dataset: in parallel, going on after a kill, whole or absent at the end."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from joblib import Parallel, delayed

from configs.errors import DataError, FsrvosError, UsageError
from stages.data.builders.writing import BuildReport, write_index
from stages.data.dataset import Expression, Video
from stages.data.files import read_json, write_json
from stages.data.photo_clips.catalogue import Catalogue
from stages.data.photo_clips.clip import PhotoClip
from stages.data.photo_clips.composed import Scenery, compose
from stages.data.photo_clips.moved import film_photograph
from stages.data.photo_clips.photographs import Photograph
from stages.data.photo_clips.planning import (
    PhotoClipSettings,
    Plan,
    kinds_of,
    plan_compositions,
    plan_photographs,
    supported,
)
from stages.data.photo_clips.sources import write_sources
from stages.data.sample.writer import frame_name, write_jpeg, write_mask

VERSION = 1
Progress = Callable[[int, int], None]
_FOLDERS = ("JPEGImages", "Annotations")


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


def build_photo_clips(
    catalogue: Catalogue,
    out: Path,
    settings: PhotoClipSettings,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> BuildReport:
    """Make clips of the photographs of `catalogue` in the new folder `out`.

    The same photographs and settings give the same bytes, whatever `jobs` is. A build that was
    killed left its clips beside `out`; the same build goes on from there. Raises UsageError where
    `out` holds something, DataError where no kind has two photographs or a file is bad, FsrvosError
    where the place cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists already; remove it or name another folder")
    out = out.absolute()
    kinds = kinds_of(catalogue, settings)
    notes = [f"kind {k!r} left out: one photograph of it, and an episode takes two"
             for k, photos in kinds.items() if len(photos) < 2]  # fmt: skip
    kinds = {k: photos for k, photos in kinds.items() if len(photos) >= 2}
    if not kinds:
        raise DataError("no kind has two photographs with a usable object; take more photographs")
    workshop = _Workshop(out.with_name(f".{out.name}.building"), settings, jobs, progress)
    try:
        workshop.open(_digest(catalogue, settings))
        filmed = workshop.make(
            [p for kind, photos in kinds.items() for p in plan_photographs(kind, photos, settings)]
        )
        chosen = {kind: _halves([m for m in filmed if m.kind == kind], settings) for kind in kinds}
        plans, wanted = _compositions(kinds, chosen, catalogue, settings)
        composed = _first(workshop.make(plans), wanted)
        videos, few = _episodes(kinds, chosen, composed)
        if not videos:
            raise DataError("no clip could be told from others of its kind; take more photographs")
        report = _assemble(workshop.folder, out, catalogue, videos, (*notes, *few))
    except OSError as error:
        reason = error.strerror or error
        raise FsrvosError(f"{out}: cannot be written ({reason}); free space") from None
    return report


class _Workshop:
    """The folder beside the result where clips are made, each whole or absent."""

    def __init__(
        self, folder: Path, settings: PhotoClipSettings, jobs: int, progress: Progress | None
    ) -> None:
        self.folder = folder
        self._settings, self._jobs, self._progress = settings, jobs, progress

    def open(self, digest: str) -> None:
        """Keep what an equal build left here; anything else is thrown away."""
        note = self.folder / "build.json"
        if self.folder.exists() and (not note.exists() or read_json(note) != digest):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(note, digest)

    def make(self, plans: Sequence[Plan]) -> list[Made]:
        """The clips of `plans` that came out, in that order."""
        entries: list[dict[str, Any] | None] = []
        workers = Parallel(n_jobs=self._jobs, return_as="generator", batch_size=1)
        for entry in workers(delayed(_make)(plan, self._settings, self.folder) for plan in plans):
            entries.append(entry)
            if self._progress is not None:
                self._progress(len(entries), len(plans))
        return [_made(entry) for entry in entries if entry is not None]


def _digest(catalogue: Catalogue, settings: PhotoClipSettings) -> str:
    """What a build hangs on, as sha256."""
    photos = [(p.id, p.height, p.width, [(o.kind, o.share, o.box) for o in p.outlines],
               sorted(p.uncounted)) for p in catalogue.photographs]  # fmt: skip
    text = json.dumps([VERSION, asdict(settings), photos])
    return hashlib.sha256(text.encode()).hexdigest()


def _make(plan: Plan, settings: PhotoClipSettings, folder: Path) -> dict[str, Any] | None:
    """Make one clip, or read what is said of it where it is made already."""
    cv2.setNumThreads(1)
    note = folder / f"{plan.name}.json"
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
    for kind in _FOLDERS:
        target = folder / kind / plan.name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
    for name, frame, ids in zip(names, clip.frames, clip.ids, strict=True):
        write_jpeg(folder / "JPEGImages" / plan.name / f"{name}.jpg", frame)
        write_mask(folder / "Annotations" / plan.name / f"{name}.png", ids)
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


def _halves(filmed: Sequence[Made], settings: PhotoClipSettings) -> list[Made]:
    """As many filmed photographs of one kind as may be taken, without twins and with."""
    half = settings.clips_per_kind // 2
    alone = [made for made in filmed if not made.twins][:half]
    return alone + [made for made in filmed if made.twins][:half]


def _missing(made: Sequence[Made]) -> tuple[int, int]:
    """How many compositions without and with twins make the halves equal."""
    twins = sum(m.twins for m in made)
    alone = len(made) - twins
    return max(0, twins - alone), max(0, alone - twins)


def _compositions(
    kinds: Mapping[str, list[Photograph]],
    filmed: Mapping[str, list[Made]],
    catalogue: Catalogue,
    settings: PhotoClipSettings,
) -> tuple[list[Plan], Counter[tuple[str, bool]]]:
    """What may be composed, and how many are wanted of each kind, with twins or without."""
    plans: list[Plan] = []
    wanted: Counter[tuple[str, bool]] = Counter()
    for kind, made in filmed.items():
        photos = [p for p in kinds[kind] if any(p.id in m.pictures for m in made)]
        if len(photos) > 1:
            counts = _missing(made)
            wanted.update({(kind, False): counts[0], (kind, True): counts[1]})
            plans += plan_compositions(kind, photos, counts, catalogue, settings)
    return plans, wanted


def _first(made: Sequence[Made], wanted: Counter[tuple[str, bool]]) -> list[Made]:
    """As many of each sort as are wanted."""
    left = wanted.copy()
    chosen = []
    for clip in made:
        if left[clip.kind, clip.twins] > 0:
            left[clip.kind, clip.twins] -= 1
            chosen.append(clip)
    return chosen


def _episodes(
    kinds: Iterable[str], filmed: Mapping[str, list[Made]], composed: Sequence[Made]
) -> tuple[list[Made], list[str]]:
    """The clips that an episode can take, and a line for each kind that has none."""
    videos: list[Made] = []
    notes: list[str] = []
    for kind in kinds:
        made = [*filmed[kind], *(m for m in composed if m.kind == kind)]
        kept = supported({m.plan: frozenset(m.pictures) for m in made})
        if len(filmed[kind]) < 2 or len(kept) < 2:
            notes.append(
                f"kind {kind!r} left out: fewer than two photographs in which a sentence tells an "
                "object of it from all others"
            )
            continue
        videos += [m for m in made if m.plan in kept]
    return videos, notes


def _assemble(
    folder: Path, out: Path, catalogue: Catalogue, made: Sequence[Made], notes: Sequence[str]
) -> BuildReport:
    """Turn the workshop into the dataset and rename it to `out`."""
    kept = {m.plan for m in made}
    for name in _FOLDERS:
        for clip in (folder / name).iterdir():
            if clip.name not in kept:
                shutil.rmtree(clip)
    train = folder / "train"
    train.mkdir(exist_ok=True)
    videos = [_video(m) for m in made]
    write_index(videos, folder)
    kinds = sorted({m.kind for m in made})
    write_json(folder / "classes.json", kinds)
    write_sources(folder, catalogue, {m.plan: m.pictures for m in made})
    for name in _FOLDERS:
        (folder / name).rename(train / name)
    for note in folder.glob("*_*_*.json"):
        note.unlink()
    (folder / "build.json").unlink()
    if out.exists():
        out.rmdir()
    folder.rename(out)
    return BuildReport(
        out=out,
        videos=len(videos),
        frames=sum(len(v.frames) for v in videos),
        expressions=sum(len(v.expressions) for v in videos),
        per_category={kind: sum(m.kind == kind for m in made) for kind in kinds},
        skipped=tuple(notes),
    )


def _video(made: Made) -> Video:
    expressions = tuple(
        Expression(made.plan, str(i), text, number)
        for i, (text, number) in enumerate(made.expressions)
    )
    return Video(made.plan, made.frames, dict(made.objects), expressions, made.kind)
