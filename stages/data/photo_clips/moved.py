"""Clips of one photograph: a camera moves over it, its objects stay in their own surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stages.data.photo_clips.camera import Camera, draw_camera, draw_light
from stages.data.photo_clips.clip import (
    ClipSettings,
    PhotoClip,
    frame_size,
    paint,
    speak,
    working_side,
)
from stages.data.photo_clips.photographs import Outline, Photograph, read_pixels
from stages.data.photo_clips.sightings import Track

_REACHES = (1.0, 0.8, 0.6, 0.4, 0.25)  # gentler and gentler until the target stays in the frame
_KEPT = 0.55  # of its largest size in any frame, that the target shows in every frame


def film_photograph(
    rng: np.random.Generator, photo: Photograph, kind: str, settings: ClipSettings
) -> PhotoClip | None:
    """A clip whose target is `kind`; None where no sentence tells an object of it apart."""
    outlines = sorted(photo.outlines, key=lambda o: -o.share)  # what is smaller lies in front
    pixels = read_pixels(photo, outlines, working_side(settings.longer_side))
    picture = pixels.rgb.shape[:2]
    frame = frame_size(picture, settings.longer_side)
    focus = _focus(outlines, pixels.masks, kind)
    for reach in _REACHES:
        camera = draw_camera(rng, picture, frame, settings.frames, reach=reach, focus=focus)
        tracks = _tracks(camera, outlines, pixels.masks, settings)
        ids, tracks = paint(tracks)
        if any(_stays(track, settings) for track in tracks if track.kind == kind):
            break
    else:
        return None
    light = draw_light(rng, settings.frames)
    frames = tuple(light.fall(t, camera.look(t, pixels.rgb)) for t in range(settings.frames))
    expressions = speak(
        rng, frames, tracks, kind, settings, still_camera=False, silent=photo.uncounted
    )
    objects = tuple((t.number, t.kind) for t in tracks if t.number and t.visible.any())
    clip = PhotoClip(frames, ids, objects, tuple(expressions), (photo.id,))
    return clip if clip.spoken_of(kind) else None


def _focus(
    outlines: list[Outline], masks: tuple[NDArray[np.bool_], ...], kind: str
) -> tuple[float, float]:
    """The middle of all of the kind's pixels, as x and y."""
    union = np.any([m for o, m in zip(outlines, masks, strict=True) if o.kind == kind], axis=0)
    rows, columns = np.nonzero(union)
    return float(columns.mean()), float(rows.mean())


def _tracks(
    camera: Camera,
    outlines: list[Outline],
    masks: tuple[NDArray[np.bool_], ...],
    settings: ClipSettings,
) -> list[Track]:
    """Every outline as the camera sees it; those too small to be labelled get the number 0."""
    tracks: list[Track] = []
    number = 0
    for outline, mask in zip(outlines, masks, strict=True):
        seen = np.stack([camera.look_at_mask(t, mask) for t in range(settings.frames)])
        labelled = outline.share >= settings.least_share and number < 255 and bool(seen.any())
        number += labelled
        tracks.append(Track(number if labelled else 0, outline.kind, seen, seen))
    return tracks


def _stays(track: Track, settings: ClipSettings) -> bool:
    shares = track.visible.mean((1, 2))
    return bool(
        track.number
        and shares.min() >= _KEPT * shares.max()
        and shares.min() >= 0.5 * settings.least_share
    )
