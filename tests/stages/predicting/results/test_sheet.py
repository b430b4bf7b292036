"""The contact sheet of a video of unknown length."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from stages.data.overlay import Tile
from stages.predicting.results.sheet import SpreadTiles


@pytest.mark.parametrize("frames", [1, 5, 12, 23, 24, 25, 1000])
def test_the_sheet_spreads_over_a_video_of_any_length(frames: int) -> None:
    tiles, most = SpreadTiles(12), 0
    for number in range(frames):
        tiles.offer(partial(Tile, np.zeros((1, 1, 3), np.uint8), str(number)))
        most = max(most, len(tiles.held))
    chosen = [int(tile.label) for tile in tiles.chosen()]
    assert most < 24
    assert len(chosen) == min(frames, 12)
    assert chosen[0] == 0 and chosen == sorted(set(chosen))
    assert frames - 1 - chosen[-1] <= frames / 12  # the end of the video is shown too
    gaps = np.diff([*chosen, frames])
    assert gaps.max() <= 3 * max(1, frames / 12)
