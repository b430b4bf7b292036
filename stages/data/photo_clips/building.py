"""Building the whole dataset: in parallel, going on after a kill, whole or absent at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cache.whole import filling
from configs.errors import DataError
from stages.data.builders.writing import BuildReport, write_index
from stages.data.building_folder import BuildingFolder, require_new
from stages.data.dataset import Expression, Video
from stages.data.files import write_json
from stages.data.kind import write_kind
from stages.data.parallel import Progress
from stages.data.photo_clips.catalogue import Catalogue
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
from stages.data.photo_clips.workshop import Made, Workshop, digest_of

KIND = "photo-clips"


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
    `out` holds something, DataError where no kind has two photographs or a file is bad,
    UnwritableError where the place cannot be written.
    """
    require_new(out)
    out = out.absolute()
    kinds = kinds_of(catalogue, settings)
    notes = [f"kind {k!r} left out: one photograph of it, and an episode takes two"
             for k, photos in kinds.items() if len(photos) < 2]  # fmt: skip
    kinds = {k: photos for k, photos in kinds.items() if len(photos) >= 2}
    if not kinds:
        raise DataError("no kind has two photographs with a usable object; take more photographs")
    folder = BuildingFolder(out)
    workshop = Workshop(folder, settings, jobs, progress)
    with filling(out, folder.path), folder.opened(digest_of(catalogue, settings)):
        videos, few = _make_all(workshop, kinds, catalogue, settings)
        return _assemble(workshop, out, catalogue, videos, (*notes, *few))


def _make_all(
    workshop: Workshop,
    kinds: Mapping[str, list[Photograph]],
    catalogue: Catalogue,
    settings: PhotoClipSettings,
) -> tuple[list[Made], list[str]]:
    """The clips of the dataset, and a line for each kind that is left out."""
    filmed = workshop.make(
        [p for kind, photos in kinds.items() for p in plan_photographs(kind, photos, settings)]
    )
    chosen = {kind: _halves([m for m in filmed if m.kind == kind], settings) for kind in kinds}
    plans, wanted = _compositions(kinds, chosen, catalogue, settings)
    videos, few = _episodes(kinds, chosen, _first(workshop.make(plans), wanted))
    if not videos:
        raise DataError("no clip could be told from others of its kind; take more photographs")
    return videos, few


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
    workshop: Workshop, out: Path, catalogue: Catalogue, made: Sequence[Made], notes: Sequence[str]
) -> BuildReport:
    """Turn the workshop into the dataset and rename it to `out`."""
    folder = workshop.folder.path
    videos = [_video(m) for m in made]
    kinds = sorted({m.kind for m in made})
    write_index(videos, folder)
    write_json(folder / "classes.json", kinds)
    write_kind(folder, KIND)
    write_sources(folder, catalogue, {m.plan: m.pictures for m in made})
    workshop.folder.clear({m.plan for m in made})
    workshop.folder.put(out)
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
