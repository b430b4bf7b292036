"""Which view a clip gets: alike within a draw, apart for query and support, the object in sight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from configs import TrainConfig
from stages.data.cell_views import WHOLE
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.views import PLAIN, View, random_view, shown_share
from stages.feeding.batches import collate
from stages.model.targets import boxes_of
from stages.runs.checkpoint import Encoders
from stages.training.augmentation import SHOWN, Augmentation
from tests.stages.feeding.test_batches import Source

MIRRORED = View(flip=True)
# The block that "left" names is in the left half of every frame, its twin in the right half.
RIGHT_HALF = View(left=0.5, width=0.5)


class Views(Source):
    """A source that offers chosen views, in order."""

    def __init__(self, dataset: Dataset, *offered: View) -> None:
        super().__init__(dataset)
        self.offered = offered

    def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
        yield from self.offered
        yield PLAIN


@pytest.fixture
def draw(blocks: Dataset) -> list[Episode]:
    """The two sentences of a video with twins."""
    left, right = blocks.videos["bee1"].targets
    support = Clip("bee0", blocks.videos["bee0"].targets[0], (3, 4))
    query = Clip("bee1", left, (0, 1, 2))
    return [
        Episode(query, support, "bee"),
        Episode(replace(query, expression=right), support, "bee"),
    ]


def augmented(
    blocks: Dataset, draw: list[Episode], *offered: View, seed: int = 0, **options: float
) -> list[Episode]:
    stated = TrainConfig(**options)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    return Augmentation(blocks, Views(blocks, *offered), stated, rng)(draw)


def test_the_first_view_that_shows_every_object_is_taken(
    blocks: Dataset, draw: list[Episode]
) -> None:
    made = augmented(blocks, draw, RIGHT_HALF, MIRRORED)
    assert [e.query.view for e in made] == [MIRRORED, MIRRORED]
    assert [e.support.view for e in made] == [MIRRORED, MIRRORED]
    assert [replace(e.query, view=PLAIN) for e in made] == [e.query for e in draw]
    right_alone = augmented(blocks, draw[1:], RIGHT_HALF, MIRRORED)
    assert right_alone[0].query.view == RIGHT_HALF
    assert right_alone[0].support.view == MIRRORED  # its object is on the left
    assert augmented(blocks, draw, RIGHT_HALF)[0].query.view == PLAIN


def test_without_augmentation_nothing_is_drawn(blocks: Dataset, draw: list[Episode]) -> None:
    assert augmented(blocks, draw, MIRRORED, augment=False) == draw
    assert augmented(blocks, draw) == draw


def test_equal_generators_give_equal_views(blocks: Dataset, draw: list[Episode]) -> None:
    class Random(Source):
        def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
            while True:
                yield random_view(rng)

    def made(seed: int) -> list[Episode]:
        stated = TrainConfig(flip_maps=0.5, crop_maps=1)
        return Augmentation(blocks, Random(blocks), stated, np.random.default_rng(seed))(draw)

    assert made(1) == made(1)
    seen = [made(seed) for seed in range(20)]
    assert len({e[0].query.view for e in seen}) == 20
    for one, other in seen:
        assert (one.query.view, one.query.cells) == (other.query.view, other.query.cells)
        assert (one.support.view, one.support.cells) == (other.support.view, other.support.cells)
        assert one.query.view != one.support.view
        for episode in (one, other):
            for clip in (episode.query, episode.support):
                masks = [blocks.masks(clip.video, f) for f in clip.frames]
                assert shown_share(clip.view, masks, clip.expression.object_id) >= SHOWN


def test_maps_are_cut_to_one_size(blocks: Dataset, draw: list[Episode]) -> None:
    other = Clip("cat0", blocks.videos["cat0"].targets[0], (1, 2, 3))
    more = [replace(draw[0], query=other)]
    cut = set()
    for seed in range(20):
        source, stated = Source(blocks), TrainConfig(augment=False, crop_maps=1, flip_maps=0.5)
        augment = Augmentation(blocks, source, stated, np.random.default_rng(seed))
        made = [*augment(draw), *augment(more)]
        batch = collate(blocks, source, made, torch.device("cpu"))
        assert batch.query.padding is None and batch.targets is not None
        height, width = batch.query.size[0].tolist()
        assert (64, 96) >= (height, width) and height % 32 == 0 == width % 32
        assert batch.targets.shape[-2:] == (height, width)
        assert batch.query.at(32).shape[-2:] == (height // 32, width // 32)
        cut.add((height, width))
    assert cut == {(64, 96), (64, 64)}  # two cells are the fewest


@pytest.mark.parametrize(("flip", "cells"), [(True, False), (False, True), (True, True)])
def test_masks_boxes_and_sentences_follow(
    blocks: Dataset, draw: list[Episode], flip: bool, cells: bool
) -> None:
    """Mirrored once, "left" is the right block; mirrored in frame and maps both, it is not."""
    source = Views(blocks, View(flip=flip))
    stated = TrainConfig(flip_maps=float(cells))
    made = Augmentation(blocks, source, stated, np.random.default_rng(0))(draw)
    assert all(e.query.cells == replace(WHOLE, flip=cells) for e in made)
    told: list[str] = []
    source.text = lambda sentence: told.append(sentence) or Source.text(source, sentence)  # type: ignore[method-assign, func-returns-value]
    batch = collate(blocks, source, made, torch.device("cpu"))
    plain = collate(blocks, Source(blocks), draw, torch.device("cpu"))
    assert batch.targets is not None and plain.targets is not None
    mirrored = flip != cells
    expected = plain.targets.flip(-1) if mirrored else plain.targets
    assert torch.equal(batch.targets, expected)
    support = plain.support.masks.flip(-1) if mirrored else plain.support.masks
    assert torch.equal(batch.support.masks, support)
    sides = ["right", "left"] if mirrored else ["left", "right"]
    assert told[-2:] == [f"the {side} bee" for side in sides]
    assert told[:2] == [f"the {sides[0]} bee"] * 2  # the supports'
    across = boxes_of(batch.targets)[:, 0, 0]
    assert (across[0] > across[1]) == mirrored


def test_maps_are_asked_for_in_the_clips_view(blocks: Dataset, draw: list[Episode]) -> None:
    asked = []

    class Noting(Views):
        def maps(self, video: str, frame_indices, view: View = PLAIN):  # type: ignore[no-untyped-def]
            asked.append((video, view))
            return super().maps(video, frame_indices, view)

    source = Noting(blocks, MIRRORED)
    augment = Augmentation(blocks, source, TrainConfig(), np.random.default_rng(0))
    both = [*augment(draw), *draw]
    collate(blocks, source, both, torch.device("cpu"))
    assert sorted(asked, key=str) == sorted(
        [(video, view) for video in ("bee0", "bee1") for view in (MIRRORED, PLAIN)], key=str
    )
    assert source.encoders == Encoders((1, 2, 3, 4), 5, "", "")
