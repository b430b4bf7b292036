"""Images and masks from files: cut short, turned by EXIF, of few bits."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from configs.errors import DataError, MissingError
from stages.data.files import read_json
from stages.data.images import image_header, image_size, read_ids, read_rgb, turn_upright
from tests.abuse.mutations import png


def picture(path: Path, orientation: int = 1) -> Path:
    """Smooth colours without symmetry, so that JPEG changes little."""
    y, x = np.mgrid[:30, :50].astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    kind = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}[path.suffix]
    image = Image.fromarray(np.dstack([4 * y, 5 * x, x + y]))
    image.save(path, kind, **({} if kind == "BMP" else {"exif": exif}))
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.66, 0.95])
def test_files_cut_short_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = picture(tmp_path / f"a{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="not a readable image; replace the file"):
        read_rgb(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_every_orientation_is_shown_as_pillow_shows_it(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    path = picture(tmp_path / f"a{suffix}", orientation)
    with Image.open(path) as image:
        stored = np.asarray(image.convert("RGB"))
        shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(turn_upright(stored, orientation), shown)
    assert np.abs(read_rgb(path).astype(int) - shown).max() <= 6
    assert image_header(path) == (30, 50, orientation)
    assert image_size(path) == shown.shape[:2]


def grey_png(path: Path, ids: np.ndarray, bits: int) -> None:  # type: ignore[type-arg]
    """A grey PNG of 1, 2, 4 or 8 bits a pixel; the width is a multiple of 8."""
    each = 8 // bits
    shifts = bits * np.arange(each - 1, -1, -1)
    packed = (ids.reshape(len(ids), -1, each) << shifts).sum(-1).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", ids.shape[1], len(ids), bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_ids_of_few_bits_are_those_that_are_stored(tmp_path: Path, bits: int) -> None:
    ids = np.random.default_rng(bits).integers(0, 2**bits, (9, 16))
    grey_png(tmp_path / "a.png", ids, bits)
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), ids)


def test_masks_that_are_no_ids_or_no_files(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such mask; add the file"):
        read_ids(tmp_path / "none.png")
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match="mode RGB, so its pixels are colours"):
        read_ids(tmp_path / "a.png")


@pytest.mark.parametrize("side", [9_460, 30_000, 100_000])
@pytest.mark.parametrize("read", [read_rgb, read_ids, image_size])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(
    tmp_path: Path, side: int, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(side, side))
    with pytest.raises(DataError, match=r"a\.png: more than 89 million pixels, or claims to be"):
        read(path)


@pytest.mark.parametrize("read", [read_rgb, read_ids, image_size, read_json])
def test_a_pipe_is_refused_and_not_waited_for(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="a pipe or device"):
        read(tmp_path / "a.png")
