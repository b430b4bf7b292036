"""What a comparison says must not depend on what is no part of it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from stages.model.comparison.clips import QueryClip, SupportClip
from stages.model.comparison.cues import cue_count, cues, look, standardised
from stages.model.inputs import FramePyramid, Support
from tests.stages.model.comparison.scenes import mask, scene, shown

OBJECT = (64, 32, 112, 80)


def found(query: FramePyramid, support: Support) -> Tensor:
    clip, shown_ = QueryClip.of(query, 0), SupportClip.of(support, 0)
    return cues(clip, shown_, look(clip, shown_, 2))


def test_there_are_as_many_as_counted_on_the_grid_of_stride_8() -> None:
    assert found(scene([(1, OBJECT)]), shown(1)).shape == (2, cue_count(2), 16, 24)


def test_every_look_stands_out_on_the_object_of_the_supports_kind() -> None:
    said = found(scene([(1, OBJECT), (2, (16, 112, 64, 160))]), shown(1))
    inside, other = said[:, :, 9:13, 5:9], said[:, :, 3:7, 15:19]
    for cue in (-1, -3, -5):
        assert inside[:, cue].mean() > 1.5
        assert inside[:, cue].mean() > other[:, cue].mean()


def test_the_basis_of_an_encoders_channels_does_not_matter() -> None:
    query, support = scene([(1, OBJECT)]), shown(1)
    generator = torch.Generator().manual_seed(5)
    bases = [
        torch.linalg.qr(torch.randn(m.shape[2], m.shape[2], generator=generator))[0]
        for m in query.maps
    ]

    def turned(frames: FramePyramid) -> FramePyramid:
        first, second, third, fourth = (
            torch.einsum("btchw,cd->btdhw", level, basis)
            for level, basis in zip(frames.maps, bases, strict=True)
        )
        return replace(frames, maps=(first, second, third, fourth))

    before = found(query, support)
    after = found(turned(query), replace(support, frames=turned(support.frames)))
    assert torch.allclose(before, after, atol=2e-3)


def test_the_order_of_frames_does_not_matter() -> None:
    query, support = scene([(1, OBJECT)], frames=3), shown(1)

    def reversed_(frames: FramePyramid) -> FramePyramid:
        first, second, third, fourth = (level.flip(1) for level in frames.maps)
        return replace(frames, maps=(first, second, third, fourth))

    backwards = replace(support, frames=reversed_(support.frames), masks=support.masks.flip(1))
    said = found(query, support)
    assert torch.allclose(found(reversed_(query), support).flip(0), said, atol=2e-3)
    # The support's cells are dealt out to parts by their order, so cosines move a little.
    assert torch.allclose(found(query, backwards), said, atol=0.5)
    assert torch.allclose(found(query, backwards)[:, 9:], said[:, 9:], atol=2e-3)


def test_padding_of_the_support_is_not_seen() -> None:
    query, support = scene([(1, OBJECT)]), shown(1)
    canvas = (160, 256)
    padded = []
    for level, stride in zip(support.frames.maps, (4, 8, 16, 32), strict=True):
        wider = torch.full((*level.shape[:3], canvas[0] // stride, canvas[1] // stride), 9.0)
        wider[..., : level.shape[3], : level.shape[4]] = level
        padded.append(wider)
    padding = torch.ones(1, 2, *canvas, dtype=torch.bool)
    padding[:, :, :128, :192] = False
    first, second, third, fourth = padded
    frames = FramePyramid((first, second, third, fourth), support.frames.size, padding)
    masks = torch.zeros(1, 2, *canvas)
    masks[..., :128, :192] = mask((32, 64, 96, 128))
    said = found(query, replace(support, frames=frames, masks=masks))
    # Cosines and affinity to the bit; the classifier joins strides by interpolation, whose
    # outermost cells see a little of the border.
    assert torch.allclose(said[:, :11], found(query, support)[:, :11], atol=1e-4)
    assert torch.allclose(said, found(query, support), atol=0.3)


def test_standardised_scores_are_around_zero_and_one_wide() -> None:
    scores = standardised(3 + 2 * torch.randn(4, 5, 6))
    assert abs(float(scores.mean())) < 1e-5 and abs(float(scores.std()) - 1) < 1e-3
    assert torch.equal(standardised(torch.ones(2, 2, 2)), torch.zeros(2, 2, 2))
