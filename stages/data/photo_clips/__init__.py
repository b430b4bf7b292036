"""Clips with masks and sentences out of photographs with outlined objects."""

from stages.data.photo_clips.building import build_photo_clips
from stages.data.photo_clips.catalogue import Catalogue, open_source, take
from stages.data.photo_clips.clip import ClipSettings
from stages.data.photo_clips.planning import PhotoClipSettings
from stages.data.photo_clips.sheet import write_sheet

__all__ = [
    "Catalogue",
    "ClipSettings",
    "PhotoClipSettings",
    "build_photo_clips",
    "open_source",
    "take",
    "write_sheet",
]
