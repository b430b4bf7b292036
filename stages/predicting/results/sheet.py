"""The contact sheet: some frames of the video at a glance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from stages.data.overlay import Tile, contact_sheet, evenly, write_png
from stages.predicting.answers import Frame, FrameAnswer
from stages.predicting.results.drawing import drawn
from stages.predicting.results.result import Result

SHEET_TILES = 12


class ContactSheet(Result):
    """A PNG of at most `SHEET_TILES` frames with the object marked."""

    def __init__(self, path: Path, sentence: str, numbered: bool = False) -> None:
        self.path, self.sentence, self.numbered = path, sentence, numbered
        self.tiles = SpreadTiles(SHEET_TILES)

    def add(self, answer: FrameAnswer) -> None:
        """Draw the frame where it may be on the sheet."""
        self.tiles.offer(partial(self._tile, answer))

    def close(self) -> None:
        """Write the sheet."""
        write_png(self.path, self.picture())

    def picture(self) -> Frame:
        """The sheet of the frames so far, RGB [H, W, 3]."""
        return contact_sheet(self.tiles.chosen(), title=self.sentence)

    def _tile(self, answer: FrameAnswer) -> Tile:
        return Tile(drawn(answer, self.sentence, self.numbered), f"frame {answer.name}")


class SpreadTiles:
    """Tiles spread over a video of unknown length; fewer than twice `wanted` are ever held."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.step, self.offered = wanted, 1, 0
        self.held: list[Tile] = []

    def offer(self, draw: Callable[[], Tile]) -> None:
        """The next frame's tile; every `step`-th is drawn and held."""
        if self.offered % self.step == 0:
            self.held.append(draw())
        self.offered += 1
        if len(self.held) == 2 * self.wanted:
            self.held = self.held[::2]
            self.step *= 2

    def chosen(self) -> list[Tile]:
        """At most `wanted` of them, the first among them."""
        return [self.held[i] for i in evenly(len(self.held), self.wanted)]
