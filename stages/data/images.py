"""Images and palette masks from files.

OpenCV decodes the images (fast); Pillow reads the masks, because OpenCV turns palettes into
colours and the object ids would be lost.
"""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, MissingError
from stages.data.files import refuse_pipe

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

MOST_PIXELS = 89_478_485
"""Of a picture or mask: where Pillow, too, begins to suspect that little is to become too much."""

_ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = 1


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """RGB image [H, W, 3], turned upright where EXIF says so.

    Raises MissingError when absent, DataError when it does not decode.
    """
    refuse_pipe(path)
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise MissingError(f"{path}: no such image; restore the file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read the image ({error.strerror})") from None
    return decode_rgb(data, path)


def decode_rgb(data: NDArray[np.uint8], where: object) -> NDArray[np.uint8]:
    """An image file's bytes as `read_rgb` gives them; DataError naming `where` they are from."""
    import cv2

    if data.size:
        _header(io.BytesIO(data.tobytes()), where)  # a size that is refused before it is decoded
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # sizes beyond OpenCV's limits
        image = None
    if image is None:
        raise DataError(f"{where}: not a readable image; replace the file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_ids(path: Path, content: bytes | None = None) -> NDArray[np.uint8]:
    """Object ids [H, W] of a palette or grey PNG as they are stored, 0 = background.

    `content`: the file's bytes, as from an archive; `path` then only names them. Raises
    MissingError when absent; DataError when it does not decode or has colour channels.
    """
    image = open_mask(path, content)
    if image.mode not in ("P", "L", "1"):
        raise DataError(
            f"{path}: the mask has mode {image.mode}, so its pixels are colours, not "
            "object ids; save it as a palette or 8-bit grey PNG"
        )
    return stored_ids(image)


def open_mask(path: Path, content: bytes | None = None) -> Any:
    """The decoded Pillow image of a mask; MissingError when absent, DataError when damaged.

    `content`: the file's bytes, as in `read_ids`.
    """
    from PIL import UnidentifiedImageError

    Image = _careful_pillow()
    if content is None:
        refuse_pipe(path)
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as image:
            depth = _shallow_depth(image)
            image.load()
    except FileNotFoundError:
        raise MissingError(f"{path}: no such mask; add the file") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(path) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise DataError(f"{path}: not a readable mask image; replace the file") from None
    image.info["depth"] = depth
    return image


def _shallow_depth(image: Any) -> int:
    """Bits a grey pixel of a PNG takes when fewer than 8, else 8; known before decoding alone."""
    mode = image.tile[0][3] if image.tile else None
    return {"L;2": 2, "L;4": 4}.get(mode, 8) if isinstance(mode, str) else 8


def stored_ids(image: Any) -> NDArray[np.uint8]:
    """The pixels [H, W] of a mask of mode P, L or 1 from `open_mask`, as the file holds them.

    Pillow stretches 2 and 4 bits of grey to 0..255, as a viewer should; ids are not to be.
    """
    ids = np.array(image, dtype=np.uint8)
    stretch = 255 // (2 ** int(image.info["depth"]) - 1)
    return ids // stretch if stretch > 1 else ids


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) of what `read_rgb` gives, from the header alone; errors as there."""
    height, width, orientation = image_header(path)
    return (width, height) if orientation > 4 else (height, width)


def image_header(path: Path) -> tuple[int, int, int]:
    """Height and width as stored, and the EXIF orientation 1..8; errors as `read_rgb`."""
    refuse_pipe(path)
    return _header(path, path)


def _header(source: Path | io.BytesIO, where: object) -> tuple[int, int, int]:
    from PIL import UnidentifiedImageError

    Image = _careful_pillow()
    try:
        with Image.open(source) as image:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            orientation = exif.get(_ORIENTATION, UPRIGHT)
            if orientation not in range(1, 9):
                orientation = UPRIGHT
            return image.height, image.width, int(orientation)
    except FileNotFoundError:
        raise MissingError(f"{where}: no such image; restore the file") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(where) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise DataError(f"{where}: not a readable image; replace the file") from None


@cache
def _careful_pillow() -> Any:
    """Pillow's `Image`, for which a picture of more than MOST_PIXELS is an error, not a warning."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image


def _too_large(where: object) -> DataError:
    return DataError(
        f"{where}: more than {MOST_PIXELS // 1_000_000} million pixels, or claims to be; shrink it"
    )


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Stored pixels [H, W, ...] as EXIF `orientation` (1..8) wants them shown.

    The tag names where the stored first row and column go: 2 is mirrored, 3 upside down, 4 both,
    5 to 8 the same with rows and columns exchanged (TIFF 6.0, tag 274).
    """
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
