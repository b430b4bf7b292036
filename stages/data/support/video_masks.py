"""Format: a video with masks of some of its frames.

::

    dir/clip.mp4
    dir/masks/00012.png     the mask of frame 12, counted from 0, as `fsrvos predict` names them
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.order import frame_files
from stages.data.support.annotation import AnnotatedFrame, Contents, SupportFormat, require_few
from stages.data.support.mask_files import (
    MASK_FOLDERS,
    MASK_SUFFIXES,
    find_folder,
    require_one_meaning,
    with_shared_colours,
)
from stages.data.support.mask_pixels import MaskPixels, read_mask
from stages.data.video import read_video

_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def recognises(contents: Contents) -> bool:
    """True where there is a video, which no other format has."""
    return bool(contents.videos)


def read(contents: Contents) -> list[AnnotatedFrame]:
    """The frames that have a mask; every fault is noted."""
    video = contents.videos[0]
    if len(contents.videos) > 1:
        names = " and ".join(path.name for path in contents.videos[:2])
        contents.faults.append(
            DataError(f"{contents.folder}: holds {names}; make a folder of each with its masks")
        )
        return []
    masks = _numbered_masks(contents)
    if not masks:
        hint = "add masks/00012.png for frame 12, and so on; frames count from 0"
        contents.faults.append(MissingError(f"{video}: no frame of the video has a mask; {hint}"))
    require_few(contents, len(masks))
    pixels: dict[Path, MaskPixels] = {}
    frames: list[AnnotatedFrame] = []
    for number, frame in _frames(contents, video, masks).items():
        try:
            path = contents.require_inside(masks[number])
            pixels[path] = read_mask(path)
            frames.append(AnnotatedFrame(path.stem, path, frame, pixels[path].objects))
            _require_size(path, pixels[path], frame)
        except FsrvosError as fault:
            contents.faults.append(fault)
    require_one_meaning(contents, pixels)
    return with_shared_colours(frames)


def _numbered_masks(contents: Contents) -> dict[int, Path]:
    masks: dict[int, Path] = {}
    for path in frame_files(
        find_folder(contents.folder, MASK_FOLDERS) or contents.folder, MASK_SUFFIXES
    ):
        found = _LAST_NUMBER.search(path.stem)
        if found is None or len(found[1]) > 9:
            hint = "name masks by the frame's number, as 00012.png"
            contents.faults.append(DataError(f"{path}: no frame has this name; {hint}"))
        elif int(found[1]) in masks:
            other = masks[int(found[1])].name
            contents.faults.append(DataError(f"{path}: {other} is of the same frame; keep one"))
        else:
            masks[int(found[1])] = path
    return masks


def _frames(
    contents: Contents, video: Path, masks: dict[int, Path]
) -> dict[int, NDArray[np.uint8]]:
    """The frames that have masks, read in one pass that ends with the last of them."""
    frames: dict[int, NDArray[np.uint8]] = {}
    count = 0
    try:
        source = read_video(contents.require_inside(video))
        for count, frame in enumerate(source, start=1):
            if count - 1 in masks:
                frames[count - 1] = frame
            if len(frames) == len(masks):
                return frames
    except FsrvosError as fault:
        contents.faults.append(fault)
        return frames
    if source.shortfall:
        contents.faults.append(DataError(source.shortfall))
        return frames
    for number, path in masks.items():
        if number not in frames:
            hint = "counted from 0, so the last is"
            contents.faults.append(
                DataError(f"{path}: {video.name} has {count} frames, {hint} {count - 1}")
            )
    return frames


def _require_size(path: Path, pixels: MaskPixels, frame: NDArray[np.uint8]) -> None:
    for marked in pixels.objects:
        height, width = marked.mask.shape
        if (height, width) != frame.shape[:2]:
            raise DataError(
                f"{path}: the mask has {width} x {height} pixels, its frame "
                f"{frame.shape[1]} x {frame.shape[0]}; give both the same size"
            )


FORMAT = SupportFormat("a video", recognises, read)
