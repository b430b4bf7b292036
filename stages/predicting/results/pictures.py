"""The video's frames as image files, for tools that annotate images."""

from __future__ import annotations

import io
from pathlib import Path

from cache.whole import replace_bytes
from stages.predicting.answers import FrameAnswer

SUFFIX = ".jpg"
_QUALITY = 95


def write_picture(folder: Path, answer: FrameAnswer) -> str:
    """Write the frame as JPEG under its name; gives the file's name."""
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(answer.frame).save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    name = answer.name + SUFFIX
    replace_bytes(folder / name, encoded.getvalue())
    return name
