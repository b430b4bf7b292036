"""Images and palette masks from files.

OpenCV decodes the images (fast); Pillow reads the masks, because OpenCV turns palettes into
colours and the object ids would be lost.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, MissingError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """RGB image [H, W, 3]; MissingError when absent, DataError when it does not decode."""
    import cv2

    try:
        data = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise MissingError(f"{path}: no such image; restore the file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read the image ({error.strerror})") from None
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # sizes beyond OpenCV's limits
        image = None
    if image is None:
        raise DataError(f"{path}: not a readable image; replace the file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_ids(path: Path) -> NDArray[np.uint8]:
    """Object ids [H, W] of a palette or grey PNG, 0 = background.

    Raises MissingError when absent; DataError when it does not decode or has colour channels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L", "1"):
                raise DataError(
                    f"{path}: the mask has mode {image.mode}, so its pixels are colours, not "
                    "object ids; save it as a palette or 8-bit grey PNG"
                )
            ids = np.array(image, dtype=np.uint8)
    except FileNotFoundError:
        raise MissingError(f"{path}: no such mask; add the file") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise DataError(f"{path}: not a readable mask image; replace the file") from None
    return ids


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) from an image's header alone; errors as `read_rgb`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise MissingError(f"{path}: no such image; restore the file") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise DataError(f"{path}: not a readable image; replace the file") from None
