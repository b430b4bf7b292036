"""How a video is predicted, beside the run's own configuration."""

from __future__ import annotations

from dataclasses import dataclass

FORMATS = {
    "coco": "coco",
    "labelme": "labelme",
    "cvat": "cvat.xml",
    "yolo": "yolo",
    "webm": "cutout.webm",
    "prores": "cutout.mov",
}
"""What may be written beside masks, overlay and scores, and under which name."""

INSTANCE = 0.5  # score from which an instance counts, where nothing else is said


@dataclass(frozen=True)
class PredictOptions:
    """What changes the result; part of what tells a finished prediction from another.

    Attributes:
        adapt: tune the network on the support first, and use that where it helps.
        soft: also write how likely each pixel is the object's.
        seed: of everything that is drawn at random.
        formats: names of `FORMATS` that are written too.
        side_by_side: the overlay shows the frames as they are beside those with the object marked.
        multi: every instance that is described, and not only the likeliest object.
        threshold: presence in [0, 1] from which a frame shows the object; None is the run's own.
            With `multi` the score from which an instance counts; None is `INSTANCE`.
        whole_video: all frames go through the network together, as far as memory allows.
    """

    adapt: bool = False
    soft: bool = False
    seed: int = 0
    formats: tuple[str, ...] = ()
    side_by_side: bool = False
    multi: bool = False
    threshold: float | None = None
    whole_video: bool = False
