"""Format: images with mask images of the same name.

::

    dir/a.jpg  dir/a.png                    side by side: the PNG (or TIFF) is the mask
    dir/a.jpg  dir/masks/a.png              or the masks in a folder of their own
    dir/frames/a.jpg  dir/masks/a.png       or both; frames without a mask are then left out

The folders may be called images, JPEGImages and Annotations too. Case does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.images import read_rgb
from stages.data.order import frame_files
from stages.data.support.annotation import (
    AnnotatedFrame,
    Contents,
    Marked,
    SupportFormat,
    require_few,
)
from stages.data.support.mask_colours import shared_colours
from stages.data.support.mask_pixels import MaskPixels, read_mask
from stages.data.support.placing import fitting_size, turned

FRAME_FOLDERS = ("frames", "images", "jpegimages")
MASK_FOLDERS = ("masks", "annotations")
LOSSLESS = (".png", ".tif", ".tiff")  # beside their images, masks are these
MASK_SUFFIXES = (*LOSSLESS, ".gif", ".bmp", ".webp", ".jpg", ".jpeg")


def find_folder(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of the subfolders of these names, in any case."""
    found = {f.name.lower(): f for f in folder.iterdir() if f.is_dir()}
    return next((found[name] for name in names if name in found), None)


def recognises(contents: Contents) -> bool:
    """True where images have masks, whether or not all of them do."""
    images, masks = _sides(contents)
    return bool(images) and any(image.stem.lower() in masks for image in images)


def read(contents: Contents) -> list[AnnotatedFrame]:
    """The frames that have a mask; every fault is noted."""
    images, masks = _sides(contents)
    if not images:
        contents.faults.append(_no_images(contents.folder, bool(masks)))
    _note_doubles(contents, images)
    sparse = find_folder(contents.folder, FRAME_FOLDERS) is not None
    there = {image.stem.lower() for image in images}
    left_out = [i for i in images if sparse and i.stem.lower() not in masks]
    for name, paths in masks.items():
        if images and name not in there:
            contents.faults.append(
                MissingError(f"{paths[0]}: no image has this name; add it or remove the mask")
            )
    if left_out:
        contents.remarks.append(
            f"{contents.folder}: {len(left_out)} of {len(images)} frames have no mask "
            "and are left out"
        )
    require_few(contents, len(images) - len(left_out))
    read_pixels: dict[Path, MaskPixels] = {}
    frames = []
    for image in images:
        if image not in left_out:
            try:
                frames.append(_frame(contents, image, masks, read_pixels))
            except FsrvosError as fault:
                contents.faults.append(fault)
    require_one_meaning(contents, read_pixels)
    return with_shared_colours(frames)


def _sides(contents: Contents) -> tuple[list[Path], dict[str, list[Path]]]:
    """Images in natural order, and masks by lower-case stem."""
    home = contents.folder
    frames, drawn = find_folder(home, FRAME_FOLDERS), find_folder(home, MASK_FOLDERS)
    images = frame_files(frames or home)
    if drawn is None and frames is None:
        images = [f for f in images if f.suffix.lower() not in LOSSLESS]
        found = frame_files(home, LOSSLESS)
    else:
        found = frame_files(drawn or home, MASK_SUFFIXES)
    masks: dict[str, list[Path]] = defaultdict(list)
    for path in found:
        masks[path.stem.lower()].append(path)
    return images, masks


def _no_images(folder: Path, has_masks: bool) -> MissingError:
    if has_masks:
        hint = "add the JPEG images they belong to, or move the masks into a folder masks/"
        return MissingError(f"{folder}: holds only PNG files; {hint}")
    hint = (
        "add images with a mask PNG of the same name for each, LabelMe or COCO JSON, or a video "
        "with masks/, and support.toml"
    )
    return MissingError(f"{folder}: the support folder holds no images; {hint}")


def _note_doubles(contents: Contents, images: list[Path]) -> None:
    seen: set[str] = set()
    for image in images:
        if image.stem.lower() in seen:
            contents.faults.append(
                DataError(f"{image}: another image has the same name; rename one")
            )
        seen.add(image.stem.lower())


def _frame(
    contents: Contents,
    image: Path,
    masks: dict[str, list[Path]],
    read_pixels: dict[Path, MaskPixels],
) -> AnnotatedFrame:
    """An image with its mask, checked to be of one size."""
    candidates = masks.get(image.stem.lower(), [])
    if not candidates:
        home = find_folder(contents.folder, MASK_FOLDERS) or contents.folder
        hint = "add a palette or grey PNG whose pixel values are object ids"
        raise MissingError(f"{home / image.stem}.png: the mask of {image.name} is missing; {hint}")
    if len(candidates) > 1:
        both = " and ".join(path.name for path in candidates)
        raise DataError(f"{candidates[0]}: {image.name} has two masks, {both}; keep one")
    path = candidates[0]
    for file in (image, path):
        contents.require_inside(file)
    frame, pixels = read_rgb(image), read_mask(path)
    read_pixels[path] = pixels
    return AnnotatedFrame(path.stem, path, frame, placed(contents, image, path, pixels))


def placed(contents: Contents, image: Path, path: Path, pixels: MaskPixels) -> tuple[Marked, ...]:
    """The objects of a mask as they lie on the image as shown."""
    sizes = {marked.mask.shape for marked in pixels.objects}
    for height, width in sizes:
        if fitting_size(contents, image, (height, width), path):
            return tuple(
                Marked(turned(m.mask, image), number=m.number, colour=m.colour)
                for m in pixels.objects
            )
    return pixels.objects


def with_shared_colours(frames: list[AnnotatedFrame]) -> list[AnnotatedFrame]:
    """The frames with colours that JPEG made a little different called the same."""
    names = shared_colours(m.colour for frame in frames for m in frame.objects if m.colour)
    return [
        replace(
            frame,
            objects=tuple(
                replace(m, colour=names[m.colour]) if m.colour else m for m in frame.objects
            ),
        )
        for frame in frames
    ]


def require_one_meaning(contents: Contents, pixels: dict[Path, MaskPixels]) -> None:
    """255 cannot be void in one mask of a folder and the object in another."""
    void = next((path for path, found in pixels.items() if found.void), None)
    plain = [path for path, found in pixels.items() if any(m.plain for m in found.objects)]
    if void is not None and plain:
        contents.faults.append(
            DataError(
                f"{plain[0]}: is black and white, but in {void.name} white (255) lies beside other "
                "ids, as for undecided pixels; draw the object with its id"
            )
        )


FORMAT = SupportFormat("masks as images", recognises, read)
