"""Clip exchange: frames read one another, and nobody reads padding."""

from __future__ import annotations

import torch
from torch import Tensor

from stages.model.deformable import Layout
from stages.model.exchange import ClipExchange, frame_places
from stages.model.fusion import ProjectedWords
from stages.model.layers import Attention

WIDTH, SHAPES = 16, ((4, 4), (2, 2), (1, 1))
CELLS = 21
COARSE = 5  # cells of the last two levels


def exchange() -> ClipExchange:
    torch.manual_seed(0)
    attention = Attention(width=WIDTH, heads=2)
    return ClipExchange(attention=attention, coarse_levels=2, dropout=0.0).eval()


def tokens(clips: int, frames: int) -> Tensor:
    return torch.randn(clips * frames, CELLS, WIDTH, generator=torch.Generator().manual_seed(1))


def words(clips: int, padding: Tensor | None = None) -> ProjectedWords:
    values = torch.randn(clips, 3, WIDTH, generator=torch.Generator().manual_seed(2))
    return ProjectedWords(values, values + 1, padding)


def layout(padding: Tensor | None = None) -> Layout:
    return Layout(SHAPES, padding, torch.ones(1, 3, 2))


PLACES = torch.randn(1, CELLS, WIDTH, generator=torch.Generator().manual_seed(3))


def changed(before: Tensor, after: Tensor) -> Tensor:
    """[N], which frames came out otherwise."""
    return (before - after).abs().flatten(1).amax(1) > 1e-6


def test_every_frame_of_the_clip_reads_a_coarse_cell_and_no_other_clip_does() -> None:
    module, cells = exchange(), tokens(2, 3)
    before = module(cells, PLACES, layout(), words(2))
    other = cells.clone()
    other[2, -1] += 3  # the coarsest cell of the first clip's last frame
    assert changed(before, module(other, PLACES, layout(), words(2))).tolist() == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_fine_cell_is_read_by_itself_alone() -> None:
    module, cells = exchange(), tokens(1, 3)
    before = module(cells, PLACES, layout(), words(1))
    other = cells.clone()
    other[1, 4] += 3
    difference = (before - module(other, PLACES, layout(), words(1))).abs().amax(-1)
    assert difference[1, 4] > 1e-3
    difference[1, 4] = 0
    assert difference.max() < 1e-6


def test_words_are_read_by_all_frames_of_their_clip() -> None:
    module, cells = exchange(), tokens(2, 2)
    before = module(cells, PLACES, layout(), words(2))
    said = words(2)
    said.values[1] += 3
    assert changed(before, module(cells, PLACES, layout(), said)).tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_frames_are_told_apart_by_their_place_in_time() -> None:
    module = exchange()
    cells = tokens(1, 1).repeat(3, 1, 1)
    found = module(cells, PLACES, layout(), words(1))
    assert (found[0] - found[1]).abs().max() > 1e-4
    places = frame_places(cells[None])
    assert places.shape == (3, 1, WIDTH)
    assert len({tuple(place.flatten().tolist()) for place in places}) == 3


def test_swapping_two_frames_and_their_places_swaps_what_comes_out() -> None:
    """Attention knows no order but the one that the places give."""
    module, cells = exchange(), tokens(1, 2)
    placed = cells + PLACES + frame_places(cells[None])
    keys = torch.cat((placed[:, -COARSE:].flatten(0, 1)[None], words(1).keys), dim=1)
    values = torch.cat((cells[:, -COARSE:].flatten(0, 1)[None], words(1).values), dim=1)
    read = module.attention(placed.flatten(0, 1)[None], keys, values).view(cells.shape)
    expected = module.norm(cells + read)
    torch.testing.assert_close(module(cells, PLACES, layout(), words(1)), expected)


def test_padded_cells_and_words_are_not_read() -> None:
    module, cells = exchange(), tokens(2, 2)
    padding = torch.zeros(4, CELLS, dtype=torch.bool)
    padding[2:, [3, 17, 19]] = True  # a fine cell and two coarse ones of the second clip
    silent = torch.zeros(2, 3, dtype=torch.bool)
    silent[0, 2] = True
    before = module(cells, PLACES, layout(padding), words(2, silent))
    other, said = cells.clone(), words(2, silent)
    other[2:, [17, 19]] += 5
    said.values[0, 2] += 5
    said.keys[0, 2] -= 5
    after = module(other, PLACES, layout(padding), said)
    valid = ~padding
    torch.testing.assert_close(after[valid], before[valid])
    unmasked = module(other, PLACES, layout(), words(2))
    assert (unmasked[valid] - before[valid]).abs().max() > 1e-3


def test_masks_that_mask_nothing_change_nothing() -> None:
    module, cells = exchange(), tokens(2, 2)
    plain = module(cells, PLACES, layout(), words(2))
    nothing = layout(torch.zeros(4, CELLS, dtype=torch.bool))
    for given, said in (
        (nothing, words(2)),
        (layout(), words(2, torch.zeros(2, 3, dtype=torch.bool))),
    ):
        torch.testing.assert_close(module(cells, PLACES, given, said), plain)
