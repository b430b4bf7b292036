"""Which clips are made of which photographs.

Half of a kind's clips show two of it. First photographs are filmed as they are, each once a kind;
what comes out decides how many clips are composed, with twins or without, to make the halves equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from configs.errors import UsageError
from stages.data.clips import stable_number
from stages.data.photo_clips.catalogue import Catalogue, whole
from stages.data.photo_clips.clip import ClipSettings
from stages.data.photo_clips.composed import Scenery
from stages.data.photo_clips.photographs import Outline, Photograph
from stages.data.photo_clips.placing import TOLD_BY

_SPARE = 1.5  # photographs tried for each that is wanted: some are refused
_ACTORS, _EXTRAS, _BACKGROUNDS = 8, 5, 4
_FAMILIAR = 2.0  # times as often as anywhere, from which a kind belongs to another's surroundings


@dataclass(frozen=True)
class PhotoClipSettings:
    """What a dataset hangs on. `clips_per_kind` is the most that one kind gets."""

    clips_per_kind: int = 24
    seed: int = 0
    clip: ClipSettings = ClipSettings()

    def __post_init__(self) -> None:
        if self.clips_per_kind < 2 or self.clip.frames < 2 or self.seed < 0:
            raise UsageError("clips per kind and frames must be 2 or more, the seed 0 or more")
        if not 0 < self.clip.least_share < 0.5 or self.clip.longer_side < 64:
            raise UsageError("the least share lies between 0 and 0.5, the longer side from 64 on")

    def draw(self, *parts: object) -> np.random.Generator:
        """The generator for a thing of that name: no other thing's draws change it."""
        return np.random.default_rng([self.seed, stable_number("photo-clips", *parts)])


@dataclass(frozen=True)
class Plan:
    """One clip to make: of a photograph as it is, or composed."""

    name: str
    kind: str
    material: Photograph | Scenery


def kinds_of(catalogue: Catalogue, settings: PhotoClipSettings) -> dict[str, list[Photograph]]:
    """The photographs that have a usable object of each kind, kinds in alphabetical order."""
    found: dict[str, list[Photograph]] = {}
    for photo in catalogue.photographs:
        usable = {o.kind for o in photo.outlines if o.share >= settings.clip.least_share}
        for kind in usable - photo.uncounted:
            found.setdefault(kind, []).append(photo)
    return {kind: found[kind] for kind in sorted(found)}


def plan_photographs(
    kind: str, photos: Sequence[Photograph], settings: PhotoClipSettings
) -> list[Plan]:
    """Photographs to film for `kind`: those with one object of it and those with several.

    In either group those come first that show no further objects of the kind too small to label.
    """
    rng = settings.draw("photographs", kind)
    least = settings.clip.least_share
    shuffled = [photos[int(i)] for i in rng.permutation(len(photos))]
    groups: tuple[list[Photograph], list[Photograph]] = ([], [])
    for photo in shuffled:
        groups[len(photo.usable(kind, least)) > 1].append(photo)
    wanted = int(np.ceil(settings.clips_per_kind / 2 * _SPARE))
    chosen: list[Photograph] = []
    for group in groups:
        group.sort(key=lambda p: sum(o.kind == kind and o.share < least for o in p.outlines) > 0)
        chosen += group[:wanted]
    return [Plan(f"{_plain(kind)}_photo_{photo.id}", kind, photo) for photo in chosen]


def _plain(kind: str) -> str:
    """The kind as the start of a folder's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in kind)


def plan_compositions(
    kind: str,
    photos: Sequence[Photograph],
    counts: tuple[int, int],
    catalogue: Catalogue,
    settings: PhotoClipSettings,
) -> list[Plan]:
    """Compositions to make: `counts` of them without and with twins, and some to spare.

    `photos` are those filmed for `kind`. One of them stays out of each composition, so that it can
    support it. Empty where no whole object can be cut out.
    """
    plans = []
    turn = stable_number(kind) % len(TOLD_BY)
    for twins, count in zip((False, True), counts, strict=True):
        for i in range(int(np.ceil(count * _SPARE))):
            name = f"{_plain(kind)}_{'twins' if twins else 'alone'}_{i:03d}"
            rng = settings.draw("composition", name)
            order = rng.permutation(len(photos))
            tries = (_scenery(rng, kind, photos[int(k)].id, catalogue, settings) for k in order)
            scenery = next((found for found in tries if found is not None), None)
            if scenery is not None:
                told_by = TOLD_BY[(i + turn) % len(TOLD_BY)] if twins else TOLD_BY[0]
                plans.append(Plan(name, kind, replace(scenery, twins=twins, told_by=told_by)))
    return plans


def _scenery(
    rng: np.random.Generator,
    kind: str,
    apart: str,
    catalogue: Catalogue,
    settings: PhotoClipSettings,
) -> Scenery | None:
    """What may go into one composition: nothing of the photograph `apart`."""
    least = settings.clip.least_share
    photos = [p for p in catalogue.photographs if p.id != apart]
    actors = [(p, o) for p in photos for o in p.usable(kind, least) if whole(p, o)]
    grounds = [p for p in photos if kind not in p.kinds]
    if not actors or not grounds:
        return None
    others = [photos[int(i)] for i in rng.permutation(len(photos))]
    extras = _first_of_each(
        [(p, o) for p in others[:200] for o in p.outlines if o.share >= least and whole(p, o)], kind
    )
    chosen = _of_different_photographs([actors[int(i)] for i in rng.permutation(len(actors))])
    return Scenery(
        kind=kind,
        twins=False,
        told_by="",
        actors=tuple(chosen[:_ACTORS]),
        extras=tuple(extras[:_EXTRAS]),
        backgrounds=tuple(_surroundings(rng, kind, grounds, catalogue)[:_BACKGROUNDS]),
    )


def _surroundings(
    rng: np.random.Generator, kind: str, grounds: Sequence[Photograph], catalogue: Catalogue
) -> list[Photograph]:
    """`grounds` in random order, those first that show what is found beside objects of `kind`."""
    own = [p.kinds for p in catalogue.photographs if kind in p.kinds]
    beside = Counter(k for kinds in own for k in kinds)
    anywhere = Counter(k for p in catalogue.photographs for k in p.kinds)
    familiar = {
        k
        for k, count in beside.items()
        if count / len(own) >= _FAMILIAR * anywhere[k] / len(catalogue.photographs)
    }
    shuffled = [grounds[int(i)] for i in rng.permutation(len(grounds))]
    return sorted(shuffled, key=lambda p: not (p.kinds & familiar))


def _first_of_each(
    pairs: Sequence[tuple[Photograph, Outline]], kind: str
) -> list[tuple[Photograph, Outline]]:
    """One outline of each kind but `kind`."""
    found: dict[str, tuple[Photograph, Outline]] = {}
    for photo, outline in pairs:
        if outline.kind != kind:
            found.setdefault(outline.kind, (photo, outline))
    return list(found.values())


def _of_different_photographs(
    pairs: Sequence[tuple[Photograph, Outline]],
) -> list[tuple[Photograph, Outline]]:
    """The first outline of each photograph, then the others."""
    first: dict[str, tuple[Photograph, Outline]] = {}
    rest = []
    for photo, outline in pairs:
        if photo.id in first:
            rest.append((photo, outline))
        else:
            first[photo.id] = (photo, outline)
    return [*first.values(), *rest]


def supported(videos: Mapping[str, frozenset[str]]) -> set[str]:
    """The videos, of all (name to picture ids) of a kind, that another shares no picture with."""
    return {
        name
        for name, pictures in videos.items()
        if any(not pictures & other for key, other in videos.items() if key != name)
    }
