"""What the page works on: films, sketches and trials, by the names the page calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, MissingError
from stages.data.files import clean_expression
from stages.drawing.film import Film
from stages.drawing.masks import mask_from_page, refined
from stages.drawing.sketchbook import Sketchbook
from stages.drawing.trial import Trial
from stages.predicting.segmenter import Segmenter

SHOWN, ASKED = "shown", "asked"


class Studio:
    """A video to draw on, one to predict (the same where no other is named), and the sketches.

    segmenter: gives the run; called when a prediction is asked for. Raises as `Film` and
    `Sketchbook`.
    """

    def __init__(
        self,
        video: Path,
        folder: Path,
        on: Path | None,
        segmenter: Callable[[], Segmenter],
    ) -> None:
        self.book = Sketchbook(folder)
        self.films = {SHOWN: Film(video)}
        self.films[ASKED] = self.films[SHOWN] if on is None else Film(on)
        self.trial: Trial | None = None
        self._segmenter = segmenter

    def film(self, key: str) -> Film:
        """The film of that name; MissingError where there is none."""
        if key not in self.films:
            raise MissingError(f"no film {key!r}")
        return self.films[key]

    def keep_frame(self, key: str, number: int, drawn: bytes) -> str:
        """Keep a film's frame with the PNG drawn on it. The name it has among the sketches."""
        film = self.film(key)
        mask = mask_from_page(drawn, (film.height, film.width))
        return self.book.keep(f"{film.name}-{number:05d}", film.frame(number), mask)

    def keep_sketch(self, name: str, drawn: bytes) -> str:
        """Draw a kept frame anew."""
        sketch = self.book.get(name)
        return self.book.keep(name, sketch.frame, mask_from_page(drawn, sketch.mask.shape))

    def refine(self, frame: NDArray[np.uint8], drawn: bytes) -> NDArray[np.bool_]:
        """The PNG drawn on a frame, as a mask [H, W] that ends at the frame's edges."""
        height, width = frame.shape[:2]
        return refined(frame, mask_from_page(drawn, (height, width)))

    def predict(self, sentence: str, asked: str) -> None:
        """Start predicting the asked video with the sketches as they are now.

        Raises DataError for sentences that say nothing, no sketches, or while one is running.
        """
        if self.trial is not None and self.trial.running:
            raise DataError("the video is being predicted already; wait for it")
        spoken = clean_expression(sentence, "the sentence about what is drawn")
        wanted = clean_expression(asked, "what to look for") if asked.strip() else spoken
        support = self.book.as_support(spoken)
        self.trial = Trial(self._segmenter, self.films[ASKED], support, wanted)

    def save(self, sentence: str) -> None:
        """Write the support folder. Raises FsrvosError."""
        self.book.save(clean_expression(sentence, "the sentence about what is drawn"))

    def close(self) -> None:
        """End what runs beside."""
        if self.trial is not None:
            self.trial.stop()

    def state(self) -> Mapping[str, Any]:
        """All that the page shows, but for pictures, as JSON carries it."""
        book, one = self.book, self.films[ASKED] is self.films[SHOWN]
        return {
            "films": {key: _film_state(film) for key, film in self.films.items()},
            "one_film": one,
            "folder": str(book.folder),
            "sentence": book.sentence,
            "saved": book.saved,
            "kept": [sketch.name for sketch in book],
            "trial": None if self.trial is None else _trial_state(self.trial),
        }


def _film_state(film: Film) -> Mapping[str, Any]:
    return {
        "title": film.path.name or str(film.path),
        "height": film.height,
        "width": film.width,
        "count": film.count,
        "strip": film.strip(),
        "lack": film.lack,
    }


def _trial_state(trial: Trial) -> Mapping[str, Any]:
    running, tried = trial.running, list(trial.frames)
    return {
        "running": running,
        "error": trial.error,
        "expression": trial.expression,
        "expected": trial.expected,
        "stride": trial.stride,
        "frames": [
            {
                "number": frame.number,
                "presence": round(frame.presence, 4),
                "marked": bool(frame.mask.any()),
            }
            for frame in tried
        ],
    }
