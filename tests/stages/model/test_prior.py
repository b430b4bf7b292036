"""Similarity prior: what is alike stands out, and padding never counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.prior import CUES, SimilarityPrior, similarities, stand_out

CHANNELS = (4, 6, 128, 128)
WORDS = Words(torch.zeros(1, 1, 4), torch.zeros(1, 4))


def pyramid(
    frames: int, size: tuple[int, int], seed: int, canvas: tuple[int, int] | None = None
) -> FramePyramid:
    """One clip of random maps; on a canvas, zeros and a padding mask around the same values."""
    generator = torch.Generator().manual_seed(seed)
    levels = []
    for channels, stride in zip(CHANNELS, STRIDES, strict=True):
        shape = (1, frames, channels, -(-size[0] // stride), -(-size[1] // stride))
        levels.append(torch.randn(shape, generator=generator))
    padding = None
    if canvas is not None:
        levels = [
            F.pad(
                level,
                (
                    0,
                    -(-canvas[1] // stride) - level.shape[-1],
                    0,
                    -(-canvas[0] // stride) - level.shape[-2],
                ),
            )
            for level, stride in zip(levels, STRIDES, strict=True)
        ]
        padding = torch.ones(1, frames, *canvas, dtype=torch.bool)
        padding[..., : size[0], : size[1]] = False
    first, second, third, fourth = levels
    return FramePyramid((first, second, third, fourth), torch.tensor([size]), padding)


def annotated(frames: FramePyramid, canvas: tuple[int, int], box: tuple[slice, slice]) -> Support:
    masks = torch.zeros(1, frames.maps[0].shape[1], *canvas)
    masks[:, :, box[0], box[1]] = 1
    return Support(frames, WORDS, masks)


OBJECT = (slice(0, 64), slice(0, 32))


def test_a_copy_of_the_objects_cells_stands_out() -> None:
    query, seen = pyramid(2, (128, 128), 1), pyramid(1, (128, 128), 2)
    for stride in (16, 32):  # the object of the support, at another place of the second frame
        rows, columns = 64 // stride, 32 // stride
        copy = seen.at(stride)[0, 0, :, :rows, :columns]
        query.at(stride)[0, 1, :, -rows:, -columns:] = copy
    prior = SimilarityPrior(width=8)
    cues = prior.cues(query, annotated(seen, (128, 128), OBJECT), (8, 8))
    inside = torch.zeros(2, 8, 8, dtype=torch.bool)
    inside[1, 4:, 6:] = True
    for cue in (0, 1, 2, 3, CUES, CUES + 1, CUES + 2, CUES + 3):
        values = cues[0, ..., cue]
        assert values[inside].min() > values[~inside].mean(), cue
        assert bool(inside.flatten()[values.argmax()]), cue
    nearest = cues[0, ..., 0]  # standardised; the finer stride is on the grid itself
    assert nearest[inside].min() > nearest[~inside].max()


def test_a_lone_object_cell_has_the_cosines_that_the_formula_says() -> None:
    cells, seen = torch.randn(1, 1, 5, 2, 3), torch.randn(1, 2, 5, 2, 2)
    share = torch.zeros(1, 2, 2, 2)
    share[0, 1, 0, 1] = 0.8
    share[0, 0, 0, 0] = 0.4  # neither object nor background
    found = similarities(cells, seen, share, None)
    mean = seen.mean((0, 1, 3, 4))
    columns = {
        (s, y, x): seen[0, s, :, y, x] - mean for s in range(2) for y in range(2) for x in range(2)
    }
    for y in range(2):
        for x in range(3):
            cell = cells[0, 0, :, y, x] - mean
            cosines = {
                place: float(F.cosine_similarity(cell, column, dim=0))
                for place, column in columns.items()
            }
            alone = cosines.pop((1, 0, 1))
            cosines.pop((0, 0, 0))
            near_object = (alone - 3) / 4  # the three cells that are lacking count as -1
            near_ground = sum(sorted(cosines.values())[-4:]) / 4
            expected = torch.tensor([near_object, near_object - near_ground, alone])
            torch.testing.assert_close(found[0, 0, y, x], expected, atol=1e-5, rtol=1e-5)


def test_standardised_cues_have_mean_0_and_deviation_1_over_what_is_no_padding() -> None:
    cosines = torch.rand(2, 3, 4, 5, 3) * 0.1 + 0.5
    padding = torch.zeros(6, 4, 5, dtype=torch.bool)
    padding[3:, 3:] = True
    padding[3:, :, 2:] = True
    found = stand_out(cosines, padding)
    assert found.shape == (2, 3, 4, 5, 4)
    valid = ~padding.view(2, 3, 4, 5)
    for clip in range(2):
        counted = found[clip][valid[clip]]
        torch.testing.assert_close(counted[:, :3].mean(0), torch.zeros(3), atol=1e-4, rtol=0)
        deviation = counted[:, :3].std(0, correction=0)
        torch.testing.assert_close(deviation, torch.ones(3), atol=2e-3, rtol=0)
    assert torch.equal(found[..., 3], cosines[..., 0])
    everywhere = stand_out(cosines[:1], None)
    torch.testing.assert_close(everywhere, found[:1])


def test_equal_cells_do_not_stand_out() -> None:
    found = stand_out(torch.full((1, 2, 3, 3, 3), 0.7), None)
    assert found.isfinite().all()
    torch.testing.assert_close(found[..., :3], torch.zeros(1, 2, 3, 3, 3), atol=1e-3, rtol=0)


@pytest.mark.parametrize("padded", ["query", "support"])
def test_padding_changes_no_valid_cell(padded: str) -> None:
    size, canvas = (96, 64), (128, 128)
    prior = SimilarityPrior(width=8)
    query, seen = pyramid(2, size, 1), pyramid(2, size, 2)
    plain = prior.cues(query, annotated(seen, size, OBJECT), (6, 4))
    shape = (6, 4)
    if padded == "query":
        query, shape = pyramid(2, size, 1, canvas), (8, 8)
        support = annotated(seen, size, OBJECT)
    else:
        support = annotated(pyramid(2, size, 2, canvas), canvas, OBJECT)
    found = prior.cues(query, support, shape)
    finer = slice(0, CUES)  # the coarser stride is interpolated across the edge of the frame
    torch.testing.assert_close(found[:, :, :6, :4, finer], plain[..., finer], atol=1e-5, rtol=1e-4)
    coarse = (3, 2) if padded == "support" else (4, 4)
    at_own_size = prior.cues(query, support, coarse)[:, :, :3, :2, CUES:]
    expected = prior.cues(pyramid(2, size, 1), annotated(seen, size, OBJECT), (3, 2))[..., CUES:]
    torch.testing.assert_close(at_own_size, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mask", ["nothing", "everything", "a corner"])
def test_any_support_gives_finite_values_and_gradients(mask: str) -> None:
    query, seen = pyramid(2, (64, 64), 1), pyramid(2, (64, 64), 2)
    support = annotated(seen, (64, 64), (slice(0, 1), slice(0, 1)))
    fill = {"nothing": 0.0, "everything": 1.0}.get(mask)
    if fill is not None:
        support = replace(support, masks=torch.full_like(support.masks, fill))
    prior = SimilarityPrior(width=8)
    maps = [torch.randn(1, 2, 4, 4, 8), torch.randn(1, 2, 2, 2, 8)]
    added, shortcut = prior(maps, query, support)
    assert [cells.shape for cells in added] == [cells.shape for cells in maps]
    assert shortcut.shape == (1, 2, 4, 4)
    total = sum((cells.sum() for cells in added), shortcut.sum())
    assert isinstance(total, Tensor)
    total.backward()
    for parameter in prior.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    assert total.isfinite()


def test_constant_maps_are_finite() -> None:
    query, seen = pyramid(1, (64, 64), 1), pyramid(1, (64, 64), 2)
    for frames in (query, seen):
        for level in frames.maps:
            level.fill_(2.5)
    prior = SimilarityPrior(width=8)
    assert prior.cues(query, annotated(seen, (64, 64), OBJECT), (4, 4)).isfinite().all()
