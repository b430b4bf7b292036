"""A finished clip, and how objects filmed one above the other become ids and sentences."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.camera import Image8
from stages.data.photo_clips.sentences import describe
from stages.data.photo_clips.sightings import Sighting, Track, see

_SPOKEN = 0.6  # of the least share, from which an object gets a sentence


@dataclass(frozen=True)
class ClipSettings:
    """How every clip looks: number of frames, longest side in pixels, and the least share of the
    picture from which an object is labelled."""

    frames: int = 8
    longer_side: int = 512
    least_share: float = 0.012


@dataclass(frozen=True)
class PhotoClip:
    """`frames` T of [H, W, 3] RGB, `ids` [T, H, W]; `expressions` as (sentence, object id), the
    target kind's last; `pictures` are the ids of all photographs in it."""

    frames: tuple[Image8, ...]
    ids: NDArray[np.uint8]
    objects: tuple[tuple[int, str], ...]
    expressions: tuple[tuple[str, int], ...]
    pictures: tuple[str, ...]

    def spoken_of(self, kind: str) -> int:
        """How many objects of `kind` have a sentence."""
        kinds = dict(self.objects)
        return len({number for _, number in self.expressions if kinds[number] == kind})


def paint(tracks: Sequence[Track]) -> tuple[NDArray[np.uint8], list[Track]]:
    """Ids [T, H, W] of labelled tracks, later ones in front, and the tracks as they then show."""
    ids = np.zeros(tracks[0].entire.shape, np.uint8)
    for track in tracks:
        if track.number:
            ids[track.entire] = track.number
    return ids, [replace(t, visible=ids == t.number) if t.number else t for t in tracks]


def speak(
    rng: np.random.Generator,
    frames: Sequence[Image8],
    tracks: Sequence[Track],
    kind: str,
    settings: ClipSettings,
    *,
    still_camera: bool,
    silent: Collection[str] = (),
) -> list[tuple[str, int]]:
    """The expressions of a clip, those of `kind` last. Nothing is said of `silent` kinds."""
    seen = see(frames, tracks, still_camera)
    spoken: list[tuple[str, int]] = []
    for thing in sorted(seen, key=lambda s: (s.kind == kind, -s.number)):
        if not _worth_a_sentence(thing, settings) or thing.kind in silent:
            continue
        rivals = [other for other in seen if other.kind == thing.kind and other is not thing]
        spoken += [(text, thing.number) for text in describe(rng, thing, rivals)]
    return spoken


def _worth_a_sentence(thing: Sighting, settings: ClipSettings) -> bool:
    return bool(
        thing.number
        and thing.areas.mean() >= _SPOKEN * settings.least_share
        and (thing.areas > 0).mean() >= 0.75
    )


def frame_size(picture: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """Height and width of frames that look at a picture of (height, width)."""
    factor = min(0.88, longer_side / max(picture))
    return round(picture[0] * factor), round(picture[1] * factor)


def working_side(longer_side: int) -> int:
    """Longer side, in pixels, at which photographs are read: a camera sees a part of them."""
    return round(longer_side / 0.88)
