"""A frame's answer as a picture, for people."""

from __future__ import annotations

import numpy as np

from stages.data.overlay import MASK_COLOUR, Colour, draw_mask, font_for, overlay_frame
from stages.predicting.answers import Frame, FrameAnswer, ObjectAnswer

COLOURS: tuple[Colour, ...] = (
    MASK_COLOUR,
    (50, 150, 255),
    (255, 190, 30),
    (40, 220, 110),
    (190, 110, 255),
    (0, 215, 215),
    (150, 90, 40),
    (170, 220, 50),
)
"""Of instances by their ids, over and over."""


def drawn(answer: FrameAnswer, sentence: str, numbered: bool = False) -> Frame:
    """The frame with its objects marked, and below it the sentence with the score.

    numbered: each object in a colour of its own, with its id.
    """
    if not numbered:
        return overlay_frame(answer.frame, answer.mask, sentence, answer.presence)
    picture = answer.frame
    shown = [found for found in answer.objects if found.mask.any()]
    for found in shown:
        picture = draw_mask(picture, found.mask, COLOURS[(found.number - 1) % len(COLOURS)])
    for found in shown:
        picture = _with_id(picture, found)
    nothing = np.zeros_like(answer.mask)
    return overlay_frame(picture, nothing, sentence, answer.presence)


def _with_id(picture: Frame, found: ObjectAnswer) -> Frame:
    """The object's id at its topmost pixel, white with a dark rim, inside the frame."""
    from PIL import Image, ImageDraw

    height, width = picture.shape[:2]
    size = int(np.clip(min(height, width) / 16, 10, 40))
    rows, columns = np.nonzero(found.mask)
    middle = float(columns[rows == rows.min()].mean())
    text, font = str(found.number), font_for("", size)
    wide = font.getlength(text)
    left = float(np.clip(middle - wide / 2, 2, max(2, width - wide - 2)))
    top = float(np.clip(int(rows.min()) - size - 2, 1, max(1, height - size - 2)))
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    draw.text((left, top), text, font=font, fill="white", stroke_width=2, stroke_fill=(20, 20, 20))
    return np.asarray(image)
