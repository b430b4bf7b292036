"""Laying what was marked over its picture, also where EXIF turns the picture.

Viewers and this program show a picture as EXIF says. Some annotation tools do, others show the
pixels as they are stored, and their masks then have the stored picture's height and width.
"""

from __future__ import annotations

from pathlib import Path

from configs.errors import DataError
from stages.data.images import UPRIGHT, image_header, turn_upright
from stages.data.outlines import Mask
from stages.data.support.annotation import Contents


def fitting_size(contents: Contents, image: Path, size: tuple[int, int], where: object) -> bool:
    """Whether marks made at `size` (height, width) have to be turned to lie on the image.

    DataError, naming `where` they are, when they fit the image neither as shown nor as stored.
    """
    height, width, orientation = image_header(image)
    stored = (height, width)
    shown = (width, height) if orientation > 4 else stored
    if size == shown:
        if orientation != UPRIGHT and stored == shown:
            contents.remarks.append(
                f"{image}: EXIF turns this picture (orientation {orientation}); what is marked in "
                f"{where} is taken to lie on the picture as it is shown"
            )
        return False
    if size == stored:
        return True
    raise DataError(
        f"{where}: the mask has {size[1]} x {size[0]} pixels, its image "
        f"{shown[1]} x {shown[0]}; give both the same size"
    )


def turned(mask: Mask, image: Path) -> Mask:
    """A mask of the stored pixels [H, W] as it lies on the picture as shown."""
    return turn_upright(mask, image_header(image)[2])
