"""Cut-outs and where they are set in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.outlines import Polygons
from stages.data.photo_clips import Catalogue, ClipSettings
from stages.data.photo_clips.composed import Scenery, compose
from stages.data.photo_clips.cutouts import Cutout, cut_out
from stages.data.photo_clips.photographs import Outline
from stages.data.photo_clips.placing import place

PICTURE = (120, 160)


@pytest.fixture
def ball(catalogue: Catalogue) -> Cutout:
    photo = catalogue.photographs[0]
    made = cut_out(photo, photo.outlines[0], 160)
    assert made is not None
    return made


def test_a_cut_out_has_soft_edges_and_no_halo(ball: Cutout) -> None:
    alpha = ball.rgba[..., 3]
    assert alpha.max() == 255
    assert ((alpha > 20) & (alpha < 235)).sum() > 60
    assert not alpha[0].any()
    shown = ball.rgba[alpha > 0][:, :3].astype(int)  # nothing of the grey ground comes along
    assert (np.abs(shown - (200, 20, 25)) < 12).all()
    assert ball.base == pytest.approx(80 / 120, abs=0.03)
    assert 34 <= ball.size[0] <= 42


def test_what_others_hide_is_not_cut_out(catalogue: Catalogue) -> None:
    photo = catalogue.photographs[0]
    (outline,) = photo.outlines
    beside = np.array([[60, 20], [110, 20], [110, 110], [60, 110]], np.float32)
    in_front = Outline("box", 0.2, (58, 20, 52, 90), Polygons((beside - (2, 0),)))
    table = Outline("table", 0.8, (2, 2, 150, 110), Polygons((beside * 1.3 - 60,)))
    hidden = replace(photo, outlines=(outline, replace(in_front, share=0.05)))
    assert cut_out(hidden, outline, 160) is not None  # touches a little
    around = np.array([[30, 30], [75, 30], [75, 90], [30, 90]], np.float32)
    covering = Outline("box", 0.05, (30, 30, 45, 60), Polygons((around,)))
    assert cut_out(replace(photo, outlines=(outline, covering)), outline, 160) is None
    assert cut_out(replace(photo, outlines=(outline, table)), outline, 160) is not None


def test_an_object_in_pieces_is_not_cut_out(catalogue: Catalogue) -> None:
    photo = catalogue.photographs[0]
    one = np.array([[10, 10], [40, 10], [40, 40], [10, 40]], np.float32)
    outline = Outline("ball", 0.1, (10, 10, 80, 30), Polygons((one, one + (50, 0))))
    assert cut_out(photo, outline, 160) is None


@given(st.integers(0, 2**32), st.sampled_from(["side", "size", "motion", "colour"]))
def test_stars_are_placed_as_they_are_to_be_told_apart(seed: int, told_by: str) -> None:
    rgba = np.zeros((46, 46, 4), np.uint8)
    rgba[8:-8, 8:-8] = 255
    cutout = Cutout("ball", "1", rgba, 0.7, PICTURE)
    placed = place(np.random.default_rng(seed), [cutout, cutout], 2, told_by, PICTURE, 5)
    if placed is None:
        return
    for one in placed:
        half = 15 * one.scale.max()
        assert (one.path - half > -2).all()
        assert (one.path + half < np.array(PICTURE[::-1]) + 2).all()
    first, second = placed
    ratio = (max(first.scale[0], second.scale[0]) / min(first.scale[0], second.scale[0])) ** 2
    if told_by == "side":
        across = sorted(float(p.path[len(p.path) // 2, 0]) / 160 for p in placed)
        assert across[0] < 0.45
        assert across[1] > 0.55
    if told_by == "size":
        assert ratio > 1.7
    if told_by == "motion":
        ways = [p.path[-1] - p.path[0] for p in placed]
        assert np.abs(ways[0] - ways[1]).max() > 0.15 * 120


def scenery(catalogue: Catalogue, told_by: str, twins: bool = True) -> Scenery:
    photos = catalogue.photographs
    return Scenery(
        kind="ball",
        twins=twins,
        told_by=told_by,
        actors=((photos[0], photos[0].outlines[0]), (photos[1], photos[1].outlines[0])),
        extras=((photos[4], photos[4].outlines[0]),),
        backgrounds=(photos[5], photos[6]),
    )


@pytest.mark.parametrize("told_by", ["side", "size", "motion", "colour"])
def test_a_composed_clip_tells_its_twins_apart(catalogue: Catalogue, told_by: str) -> None:
    settings = ClipSettings(frames=4, longer_side=140)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        clip = compose(rng, scenery(catalogue, told_by), settings)
        assert clip is not None
        assert clip.spoken_of("ball") == 2
        assert dict(clip.objects)[clip.expressions[-1][1]] == "ball"
        assert {"1", "2"} <= set(clip.pictures)
        assert len({text for text, _ in clip.expressions}) == len(clip.expressions)
        for number in (1, 2):
            assert (clip.ids == number).any((1, 2)).all()
            colours = np.concatenate(
                [f[m == number] for f, m in zip(clip.frames, clip.ids, strict=True)]
            )
            red = colours[:, 0].astype(int) - colours[:, 2] > 30
            assert red.mean() > 0.9 or red.mean() < 0.1  # masks lie on the cut-outs


def test_one_alone_is_named_by_its_kind(catalogue: Catalogue) -> None:
    settings = ClipSettings(frames=3, longer_side=140)
    clip = compose(np.random.default_rng(1), scenery(catalogue, "side", twins=False), settings)
    assert clip is not None
    assert clip.spoken_of("ball") == 1


def test_without_cut_outs_there_is_no_clip(catalogue: Catalogue) -> None:
    empty = replace(scenery(catalogue, "side"), actors=())
    assert compose(np.random.default_rng(0), empty, ClipSettings(frames=2)) is None
