"""Views: one video seen differently, alike in frames, masks and sentence.

A view mirrors, crops, stretches and recolours, the same for all frames of a clip, so that motion
stays true. Colours keep their names, and what is left, right, high or low roughly stays so (once
the sentence of a mirrored clip is swapped).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.data.resize import resize_frame, resize_mask

# Of what `view_of` and `random_view` draw from. It is part of the key of what is cached, together
# with the version of the code here: raise that when the same numbers would give other pixels.
FAMILY: Mapping[str, float] = {
    "zoom": 0.75,  # least share of both sides that is seen
    "stretch": 0.95,  # and least further share of each side, drawn for each
    "brightness": 20.0,  # grey levels added or taken away, at most
    "contrast": 0.15,  # of 1, more or less
    "saturation": 0.25,  # of 1, more or less
    "version": 1,
}
_MIDDLE_GREY = 128.0
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class View:
    """What is done to every frame of a clip. The default does nothing.

    flip: left and right change places. top, left, height, width: what is seen, as shares of the
    frame in [0, 1]. brightness: grey levels added. contrast: factor around middle grey.
    saturation: factor of what differs from grey.
    """

    flip: bool = False
    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0

    def crop(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of an image or mask [H, W, ...] that is seen, not mirrored yet; a view of it."""
        height, width = pixels.shape[:2]
        top, left = round(self.top * height), round(self.left * width)
        bottom = min(height, top + max(1, round(self.height * height)))
        right = min(width, left + max(1, round(self.width * width)))
        return pixels[top:bottom, left:right]

    def frame(self, frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        """An RGB frame [H, W, 3] as seen, at `size` (height, width)."""
        seen = resize_frame(self.crop(frame), size)
        return self._recoloured(self._mirrored(seen))

    def mask(self, ids: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        """A mask [H, W] of ids as seen, at `size` (height, width)."""
        return self._mirrored(resize_mask(self.crop(ids), size))

    def to_json(self) -> dict[str, Any]:
        """All parameters by name."""
        return asdict(self)

    def _mirrored(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.ascontiguousarray(pixels[:, ::-1]) if self.flip else pixels

    def _recoloured(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if (self.brightness, self.contrast, self.saturation) == (0.0, 1.0, 1.0):
            return frame
        colours = frame.astype(np.float32)
        red, green, blue = (np.float32(share) for share in _LUMA)
        grey = red * colours[..., 0] + green * colours[..., 1] + blue * colours[..., 2]
        colours = grey[..., None] + np.float32(self.saturation) * (colours - grey[..., None])
        lift = np.float32(_MIDDLE_GREY + self.brightness)
        colours = np.float32(self.contrast) * (colours - np.float32(_MIDDLE_GREY)) + lift
        return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


PLAIN = View()


def view_of(number: int, item: str) -> View:
    """View `number` of the video whose frames' bytes are named `item`, the same for ever.

    0 is the video as it is; odd numbers are mirrored, so that K views are half and half for every
    video. It hangs on the bytes, as the cache does: a renamed video keeps its views.
    """
    if number == 0:
        return PLAIN
    rng = np.random.default_rng([number, *item.encode()])
    return _drawn(rng, flip=number % 2 == 1)


def random_view(rng: np.random.Generator) -> View:
    """A new view of the same family, mirrored or not."""
    return _drawn(rng, flip=bool(rng.random() < 0.5))


def _drawn(rng: np.random.Generator, flip: bool) -> View:
    zoom = rng.uniform(FAMILY["zoom"], 1)
    height, width = (round(zoom * rng.uniform(FAMILY["stretch"], 1), 4) for _ in range(2))
    top, left = (round(rng.uniform(0, 1 - side), 4) for side in (height, width))

    def spread(name: str) -> float:
        return float(rng.uniform(-FAMILY[name], FAMILY[name]))

    return View(
        flip=flip,
        top=top,
        left=left,
        height=height,
        width=width,
        brightness=round(spread("brightness"), 1),
        contrast=round(1 + spread("contrast"), 4),
        saturation=round(1 + spread("saturation"), 4),
    )


def shown_share(view: View, masks: Sequence[NDArray[np.uint8]], object_id: int) -> float:
    """Share of an object's pixels in masks [H, W] that a view shows; 1 where there are none."""
    whole = sum(int(np.count_nonzero(ids == object_id)) for ids in masks)
    shown = sum(int(np.count_nonzero(view.crop(ids) == object_id)) for ids in masks)
    return shown / whole if whole else 1.0
