"""What each way of saving a mask means, pixel by pixel, and which could mean several things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs.errors import DataError
from stages.data.support.annotation import Marked
from stages.data.support.mask_colours import shared_colours
from stages.data.support.mask_pixels import MaskPixels, looks_smoothed, read_mask

Mask = NDArray[np.bool_]
RED, BLUE = (255, 0, 0), (0, 0, 255)


def painted(truth: Mask, other: Mask, first: Any, second: Any, ground: Any) -> NDArray[Any]:
    result = np.empty((*truth.shape, *np.shape(ground)), np.asarray(first).dtype)
    result[...] = ground
    result[truth] = first
    result[other] = second
    return result


@pytest.fixture
def other() -> Mask:
    mask = np.zeros((48, 64), bool)
    mask[34:44, 40:60] = True
    return mask


def only(found: MaskPixels) -> Marked:
    (marked,) = found.objects
    return marked


def grey(truth: Mask, value: int, dtype: type = np.uint8) -> NDArray[Any]:
    return (truth * value).astype(dtype)


def one_bit(path: Path, truth: Mask) -> None:
    Image.fromarray(truth).save(path)


def four_bits(path: Path, truth: Mask) -> None:
    """A grey PNG of 4 bits a pixel, which Pillow reads but does not write: id 3."""
    import struct
    import zlib

    ids = truth.astype(np.uint8) * 3
    rows = b"".join(b"\0" + bytes(row[::2] << 4 | row[1::2]) for row in ids)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], 4, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def alpha(path: Path, truth: Mask) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*truth.shape, 3), dtype=np.uint8)
    Image.fromarray(np.dstack([noise, grey(truth, 255)])).save(path)


def stretched(path: Path, truth: Mask) -> None:
    Image.fromarray(grey(truth, 7 * 257, np.uint16)).save(path)


SINGLE: list[tuple[str, Callable[[Path, Mask], object], int | None, str | None]] = [
    ("0 and 255", lambda p, t: Image.fromarray(grey(t, 255)).save(p), None, None),
    ("1 bit", one_bit, None, None),
    ("4 bits", four_bits, 3, None),
    ("8-bit id", lambda p, t: Image.fromarray(grey(t, 7)).save(p), 7, None),
    ("16-bit id", lambda p, t: Image.fromarray(grey(t, 7, np.uint16)).save(p), 7, None),
    (
        "16-bit full scale",
        lambda p, t: Image.fromarray(grey(t, 65535, np.uint16)).save(p),
        None,
        None,
    ),
    ("16-bit stretched", stretched, 7, None),
    ("16-bit label", lambda p, t: Image.fromarray(grey(t, 26001, np.uint16)).save(p), None, None),
    (
        "grey as RGB",
        lambda p, t: Image.fromarray(np.dstack([grey(t, 255)] * 3)).save(p),
        None,
        None,
    ),
    ("alpha over a photograph", alpha, None, None),
    (
        "one colour",
        lambda p, t: Image.fromarray(
            painted(t, ~t & False, RED, RED, (0, 0, 0)).astype(np.uint8)
        ).save(p),
        None,
        "#ff0000",
    ),
]


@pytest.mark.parametrize(
    ("write", "number", "colour"), [s[1:] for s in SINGLE], ids=[s[0] for s in SINGLE]
)
def test_exact_masks_of_one_object(
    tmp_path: Path,
    truth: Mask,
    write: Callable[[Path, Mask], object],
    number: int | None,
    colour: str | None,
) -> None:
    write(tmp_path / "a.png", truth)
    marked = only(read_mask(tmp_path / "a.png"))
    np.testing.assert_array_equal(marked.mask, truth)
    assert (marked.number, marked.colour) == (number, colour)


def test_two_objects_by_id_colour_and_colour_on_transparent(
    tmp_path: Path, truth: Mask, other: Mask
) -> None:
    path = tmp_path / "a.png"
    ids = painted(truth, other, np.uint8(2), np.uint8(5), np.uint8(0))
    Image.fromarray(ids).save(path)
    assert [m.number for m in read_mask(path).objects] == [2, 5]
    colours = painted(truth, other, np.uint8(RED), np.uint8(BLUE), np.uint8((0, 0, 0)))
    Image.fromarray(colours).save(path)
    found = {m.colour: m.mask for m in read_mask(path).objects}
    assert found.keys() == {"#ff0000", "#0000ff"}
    np.testing.assert_array_equal(found["#ff0000"], truth)
    np.testing.assert_array_equal(found["#0000ff"], other)
    clear = np.dstack([colours, ((truth | other) * 255).astype(np.uint8)])
    Image.fromarray(clear).save(path)
    assert {m.colour for m in read_mask(path).objects} == {"#ff0000", "#0000ff"}
    np.testing.assert_array_equal(read_mask(path).objects[1].mask, truth)


def test_255_beside_ids_is_void(tmp_path: Path, truth: Mask, other: Mask) -> None:
    ids = painted(truth, other, np.uint8(3), np.uint8(255), np.uint8(0))
    image = Image.fromarray(ids)
    image.putpalette([i // 3 for i in range(768)])
    image.save(tmp_path / "a.png")
    found = read_mask(tmp_path / "a.png")
    assert found.void and only(found).number == 3
    np.testing.assert_array_equal(only(found).mask, truth)


def smoothed(values: NDArray[Any], sigma: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigma) + 0.5).astype(
        np.uint8
    )


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0])
def test_a_smoothed_white_object_is_cut_at_half(tmp_path: Path, truth: Mask, sigma: float) -> None:
    """Exact by symmetry along straight edges; corners alone are rounded."""
    values = smoothed(truth * 255.0, sigma)
    Image.fromarray(values).save(tmp_path / "a.png")
    marked = only(read_mask(tmp_path / "a.png"))
    assert marked.plain
    np.testing.assert_array_equal(marked.mask, values >= 128)
    wrong = marked.mask ^ truth
    assert wrong.sum() <= 4 * sigma**2 * 6


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("coloured", [False, True])
def test_jpeg_masks(tmp_path: Path, truth: Mask, quality: int, coloured: bool) -> None:
    values = grey(truth, 255)
    picture = Image.fromarray(np.dstack([values] * 3) if coloured else values)
    picture.save(tmp_path / "a.png", "JPEG", quality=quality)  # by a wrong name, as people do
    marked = only(read_mask(tmp_path / "a.png"))
    assert marked.plain
    assert (marked.mask ^ truth).sum() <= 4


def test_colours_with_soft_edges_go_to_the_nearest(
    tmp_path: Path, truth: Mask, other: Mask
) -> None:
    colours = painted(truth, other, np.uint8(RED), np.uint8(BLUE), np.uint8((0, 0, 0)))
    soft = np.dstack([smoothed(colours[..., i], 0.7) for i in range(3)])
    Image.fromarray(soft).save(tmp_path / "a.png")
    found = {m.colour: m.mask for m in read_mask(tmp_path / "a.png").objects}
    assert found.keys() == {"#ff0000", "#0000ff"}
    assert (found["#ff0000"] ^ truth).sum() < 0.2 * truth.sum()
    assert not (found["#ff0000"] & found["#0000ff"]).any()


def test_colours_that_jpeg_shifts_are_one(tmp_path: Path) -> None:
    assert shared_colours(["#ff0000", "#fe0102", "#0000ff", "#0300f9"]) == {
        "#ff0000": "#ff0000",
        "#fe0102": "#ff0000",
        "#0000ff": "#0000ff",
        "#0300f9": "#0000ff",
    }


def _noise(path: Path, truth: Mask) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def _two_greys(path: Path, truth: Mask) -> None:
    values = truth * 255.0
    values[34:46, 38:62] = 128
    Image.fromarray(smoothed(values, 1.0)).save(path)


def _haze(path: Path, truth: Mask) -> None:
    Image.fromarray(smoothed(truth * 255.0, 9.0)).save(path)


def _no_black(path: Path, truth: Mask) -> None:
    Image.fromarray(np.where(truth[..., None], np.uint8(RED), np.uint8((255, 255, 255)))).save(path)


def _many_labels(path: Path, truth: Mask) -> None:
    values = np.where(truth, 26001, 11003).astype(np.uint16)
    Image.fromarray(values).save(path)


def _fractions(path: Path, truth: Mask) -> None:
    Image.fromarray(truth.astype(np.float32)).save(path, "TIFF")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (_noise, "looks like a picture, not a mask: it has 30"),
        (_two_greys, "looks smoothed, or saved as JPEG, and its greys could mean several things"),
        (_haze, "looks smoothed, or saved as JPEG, and its greys could mean several things"),
        (_no_black, "no pixel is black, so the background is not known"),
        (_many_labels, "holds 16-bit numbers up to 26001; give the objects ids from 1 to 254"),
        (_fractions, "holds fractions, not ids"),
    ],
)
def test_what_could_mean_several_things_is_named(
    tmp_path: Path, truth: Mask, write: Callable[[Path, Mask], object], says: str
) -> None:
    write(tmp_path / "a.png", truth)
    with pytest.raises(DataError, match=says) as caught:
        read_mask(tmp_path / "a.png")
    assert str(tmp_path / "a.png") in str(caught.value) and "\n" not in str(caught.value)


def test_many_ids_are_not_taken_for_smoothing() -> None:
    ids = np.zeros((96, 128), np.uint8)
    for i in range(40):
        y, x = divmod(i, 10)
        ids[20 * y + 3 : 20 * y + 11, 12 * x + 2 : 12 * x + 10] = 5 * i + 40
    assert not looks_smoothed(ids)
    assert looks_smoothed(smoothed(ids, 1.0))
