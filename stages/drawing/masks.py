"""Masks as the page sends and shows them: PNG whose opaque pixels are the object."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from configs.errors import DataError
from stages.data.overlay import MASK_COLOUR
from stages.feeding.sharpening import sharpen

Mask = NDArray[np.bool_]

HALF = 128  # opacity from which a pixel counts; edges that the page draws are smooth
FINE = 640  # pixels of the picture that an outline is refined on


def mask_from_page(content: bytes, size: tuple[int, int]) -> Mask:
    """The mask [H, W] of a PNG that the page drew over a frame of `size`, (H, W).

    Raises DataError for anything else, before it is decoded where the size differs.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if (image.height, image.width) != size:
                raise DataError(
                    f"the drawing has {image.width} x {image.height} pixels, its frame "
                    f"{size[1]} x {size[0]}; load the page again"
                )
            opacity = np.asarray(image.convert("RGBA"))[..., 3]
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise DataError(
            "the drawing is no PNG image that can be read; load the page again"
        ) from None
    mask: Mask = opacity >= HALF
    return mask


def mask_for_page(mask: Mask) -> bytes:
    """A mask [H, W] as a PNG of one colour, opaque where the object is."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = (*MASK_COLOUR, 255)
    done = io.BytesIO()
    Image.fromarray(pixels).save(done, format="PNG", compress_level=1)
    return done.getvalue()


def refined(frame: NDArray[np.uint8], mask: Mask) -> Mask:
    """A roughly drawn mask [H, W] with its outline brought to the picture's edges [H, W, 3]."""
    inside = mask.astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    return sharpen(frame, (depth - away).astype(np.float32), long_side=FINE)
