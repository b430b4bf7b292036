"""Pictures people look at: masks over frames, contact sheets, and palette PNG masks.

Colours are RGB. The caption sits in a band below the frame, so it hides nothing of the picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.whole import replace_bytes
from stages.data.palette import davis_palette

Image8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]

MASK_COLOUR: Colour = (255, 40, 120)  # rare in photographs
TRUTH_COLOUR: Colour = (40, 220, 110)
_PAPER: Colour = (24, 26, 30)
_INK: Colour = (240, 240, 240)
_DIM: Colour = (160, 166, 176)


@dataclass(frozen=True)
class Tile:
    """One picture [H, W, 3] of a contact sheet and the line written under it."""

    image: Image8
    label: str


def mask_png(ids: NDArray[Any]) -> bytes:
    """Object ids [H, W] (or a boolean mask, True = 1) as the bytes of a palette PNG."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(ids, dtype=np.uint8))
    image.putpalette(davis_palette())
    return _encoded(image)


def write_mask_png(path: Path | str, ids: NDArray[Any]) -> None:
    """Write object ids as `mask_png` gives them, whole or absent."""
    replace_bytes(Path(path), mask_png(ids))


def write_png(path: Path | str, image: Image8) -> None:
    """Write an RGB [H, W, 3] or grey [H, W] picture as PNG, whole or absent."""
    replace_bytes(Path(path), png_of(image))


def png_of(image: Image8) -> bytes:
    """An RGB [H, W, 3] or grey [H, W] picture as the bytes of a PNG."""
    from PIL import Image

    return _encoded(Image.fromarray(np.ascontiguousarray(image)))


def _encoded(image: Any) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, format="PNG", compress_level=4)
    return encoded.getvalue()


def draw_mask(
    frame: Image8, mask: Mask, colour: Colour = MASK_COLOUR, opacity: float = 0.45
) -> Image8:
    """`frame` [H, W, 3] with `mask` [H, W] tinted and outlined."""
    import cv2

    if mask.shape != frame.shape[:2]:
        raise ValueError(f"mask {mask.shape} over a frame of {frame.shape[:2]}")
    result = frame.copy()
    if not mask.any():
        return result
    tint = np.asarray(colour, dtype=np.float32) * opacity
    result[mask] = (frame[mask] * (1 - opacity) + tint + 0.5).astype(np.uint8)
    found = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    width = round(min(frame.shape[:2]) / 240)
    cv2.drawContours(result, found[0], -1, colour, width + 2 if width > 1 else 2, cv2.LINE_AA)
    if width > 1:  # in a small frame a second line would cover small objects
        cv2.drawContours(result, found[0], -1, (255, 255, 255), width - 1, cv2.LINE_AA)
    return result


def overlay_frame(
    frame: Image8,
    mask: Mask,
    sentence: str,
    score: float | None = None,
    colour: Colour = MASK_COLOUR,
) -> Image8:
    """The frame with its mask, and below it a band with the sentence and the score.

    The band's height hangs on the frame's size and the sentence alone, so all frames of a video
    come out equally large. `score` is in 0..1.
    """
    picture = draw_mask(frame, mask, colour)
    band = _caption_band(frame.shape[0], frame.shape[1], sentence, colour).copy()
    if score is not None:
        _write_score(band, frame.shape[0], score)
    return np.concatenate([picture, band])


def _font_size(height: int, width: int) -> int:
    return int(np.clip(min(height, width) / 17, 11, 48))


@lru_cache(maxsize=64)
def _caption_band(height: int, width: int, sentence: str, colour: Colour) -> Image8:
    """The band [h, W, 3] without its score; drawn once a video."""
    from PIL import Image, ImageDraw

    size = _font_size(height, width)
    font = font_for(sentence, size)
    pad, swatch = round(size * 0.6), round(size * 0.75)
    room = width - 3 * pad - swatch - round(size * 2.6)
    lines = wrap(sentence, font, room, rows=2)
    step = round(size * 1.3)
    band = Image.new("RGB", (width, step * len(lines) + 2 * (pad // 2) + pad // 2), _PAPER)
    draw = ImageDraw.Draw(band)
    top = pad // 2 + round(size * 0.22)
    draw.rounded_rectangle(
        (pad, top, pad + swatch, top + swatch), radius=max(2, swatch // 4), fill=colour
    )
    for row, line in enumerate(lines):
        draw.text((2 * pad + swatch, pad // 2 + row * step), line, font=font, fill=_INK)
    return np.asarray(band)


def _write_score(band: Image8, height: int, score: float) -> None:
    """The score as two decimals, right-aligned in the band, in place."""
    from PIL import Image, ImageDraw

    size = _font_size(height, band.shape[1])
    pad = round(size * 0.6)
    text = f"{score:.2f}"
    font = font_for(text, size)
    width = int(font.getlength(text)) + 1
    patch = Image.new("RGB", (width, min(band.shape[0] - pad // 2, round(size * 1.4))), _PAPER)
    ImageDraw.Draw(patch).text((0, 0), text, font=font, fill=_DIM)
    left = max(0, band.shape[1] - pad - width)
    band[pad // 2 : pad // 2 + patch.height, left : left + width] = np.asarray(patch)[
        :, : band.shape[1] - left
    ]


def font_for(text: str, size: int) -> Any:
    """A font that has the letters of `text`: Pillow's own, else one of the system's.

    Pillow's own is the same everywhere, which keeps pictures equal between machines.
    """
    return _font(all(ord(letter) < 0x250 for letter in text), size)


@lru_cache(maxsize=64)
def _font(latin: bool, size: int) -> Any:
    from PIL import ImageFont

    names = () if latin else ("NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "DejaVuSans.ttf")
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def wrap(text: str, font: Any, room: float, rows: int) -> list[str]:
    """`text` in at most `rows` lines no wider than `room` pixels; what is cut ends in '...'."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < rows:
        line = words.pop(0)
        while words and font.getlength(f"{line} {words[0]}") <= room:
            line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] += " ..."
    return [_shorten(line, font, room) for line in lines] or [""]


def _shorten(line: str, font: Any, room: float) -> str:
    if font.getlength(line) <= room:
        return line
    while line and font.getlength(f"{line.rstrip(' .')}...") > room:
        line = line[:-1]
    return f"{line.rstrip(' .')}..."


def evenly(count: int, wanted: int) -> tuple[int, ...]:
    """At most `wanted` numbers spread over range(count), first and last among them."""
    if count <= wanted:
        return tuple(range(count))
    return tuple(int(i) for i in np.linspace(0, count - 1, wanted).round())


def contact_sheet(
    tiles: Sequence[Tile], title: str = "", columns: int = 4, tile_width: int = 320
) -> Image8:
    """A grid of labelled pictures under a title, as one RGB image.

    Tiles keep their proportions; a row is as high as its highest tile.
    """
    from PIL import Image, ImageDraw

    if not tiles:
        raise ValueError("a contact sheet needs at least one tile")
    columns = min(columns, len(tiles))
    gap, size = 10, 15
    width = gap + columns * (tile_width + gap)
    font, head = font_for("", size), font_for(title, 20)
    title_lines = wrap(title, head, width - 2 * gap, rows=3) if title else []
    heights = [round(t.image.shape[0] * tile_width / t.image.shape[1]) for t in tiles]
    row_heights = [max(heights[i : i + columns]) for i in range(0, len(tiles), columns)]
    label_height = size + 12
    top = gap + 28 * len(title_lines)
    total = top + sum(h + label_height for h in row_heights) + gap
    sheet = Image.new("RGB", (width, total), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(title_lines):
        draw.text((gap, gap // 2 + 28 * row), line, font=head, fill=_INK)
    y = top
    for first, row_height in zip(range(0, len(tiles), columns), row_heights, strict=True):
        for column, tile in enumerate(tiles[first : first + columns]):
            x = gap + column * (tile_width + gap)
            picture = Image.fromarray(np.ascontiguousarray(tile.image))
            picture = picture.resize(
                (tile_width, heights[first + column]), Image.Resampling.LANCZOS
            )
            sheet.paste(picture, (x, y))
            label_font = font_for(tile.label, size) if tile.label else font
            label = _shorten(tile.label, label_font, tile_width)
            draw.text((x, y + row_height + 4), label, font=label_font, fill=_DIM)
        y += row_height + label_height
    return np.asarray(sheet)
