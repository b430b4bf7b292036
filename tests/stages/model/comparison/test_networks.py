"""The two networks that compare, on scenes whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from configs import UsageError
from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.comparison.affinity_network import AffinityNetwork
from stages.model.comparison.clips import QueryClip, SupportClip
from stages.model.comparison.cues import Cut, Looks, look, same_object
from stages.model.comparison.cutting import chosen_cut
from stages.model.comparison.losses import ComparedPrediction, covered, mask_term
from stages.model.inputs import FramePyramid, Support
from stages.model.losses import told_apart
from stages.model.network import Network
from stages.model.networks import build_network
from stages.model.prediction import Truth
from tests.stages.model.comparison.scenes import mask, scene, shown, stacked
from tests.stages.model.small import CHANNELS, TEXT_WIDTH, words

LEFT, RIGHT = (48, 16, 96, 64), (48, 128, 96, 176)


def network(name: str = "affinity", **options: object) -> Network:
    torch.manual_seed(0)
    config = ModelConfig.of("default", network=name, hidden=32, heads=4, feed_forward=32, **options)
    return build_network(config, CHANNELS, TEXT_WIDTH)


def overlap(logits: torch.Tensor, true: torch.Tensor) -> float:
    found, wanted = logits > 0, covered(true, logits.shape[-2:]) > 0.5
    return float((found & wanted).sum() / (found | wanted).sum().clamp(min=1))


@pytest.mark.parametrize("name", ["similarity", "affinity"])
def test_an_untrained_network_finds_what_is_like_the_support(name: str) -> None:
    model = network(name).eval()
    for kind, box in ((1, LEFT), (2, RIGHT)):
        said = model(scene([(kind, box)]), words(1, 4), shown(kind))
        assert overlap(said.masks[:, :, 0], mask(box)) > 0.7


@torch.no_grad()
@pytest.mark.parametrize("name", ["similarity", "affinity"])
def test_a_followed_video_is_answered_on_the_grid_of_a_clip(name: str) -> None:
    """Masks are brought to the frame's size by `mask_stride`, whoever made them."""
    model = network(name).eval()
    query, support = scene([(1, LEFT)]), shown(1)
    alone, followed = model(query, words(1, 4), support), model.follow(query, words(1, 4), support)
    assert followed.masks.shape[-2:] == alone.masks.shape[-2:]
    assert followed.masks.shape[-1] * model.mask_stride == 192
    assert overlap(followed.masks[None], mask(LEFT)) > 0.7


@pytest.mark.parametrize(("score", "there"), [(0.2, True), (0.01, False)])
def test_a_first_look_has_to_be_convinced(score: float, there: bool) -> None:
    own = torch.zeros(2, 4, 4)
    own[0, 1:3, 1:3] = 1.0
    said = Looks(torch.full((2, 2, 2), score), Cut(0.5, 0.9, 0.7), (own,)).answer((4, 4))
    assert (float(said.clip) > 0) is (float(said.frames[0]) > 0) is there
    assert float(said.clip) == pytest.approx(20 * (score - 0.05), abs=1e-5)
    assert float(said.frames[1]) < -20  # nothing is found there
    assert torch.equal(said.logits > 0, own > 0)


def test_the_very_object_is_known_by_how_sure_the_clip_is() -> None:
    first = torch.full((2, 4, 4), -0.1)
    first[:, 1:3, 1:3] = 0.8
    assert same_object(first, Cut(0.5, 0.9, 0.7))
    for other in (Cut(0.5, 0.6, 0.7), Cut(0.5, 0.9, 0.8), Cut(-0.2, 0.9, 0.7)):
        assert not same_object(first, other)  # parted badly, not exceeded, no cut


def test_of_the_very_object_the_supports_own_cut_counts() -> None:
    own, same = torch.randn(2, 8, 8), torch.randn(2, 8, 8)
    looks = Looks(torch.zeros(2, 4, 4), Cut(0.5, 0.9, 0.7), (own,), same)
    assert torch.equal(looks.answer((8, 8)).logits > 0, same > 0)
    other = replace(looks, same=None)
    candidates = other.candidates((8, 8))
    chosen = candidates.inside[chosen_cut(candidates, other.on_grid((8, 8)))]
    assert torch.equal(other.answer((8, 8)).logits > 0, chosen)


def test_frames_of_one_clip_show_the_same_object() -> None:
    query, support = scene([(1, LEFT)]), shown(1)
    clip, frames = QueryClip.of(query, 0), SupportClip.of(support, 0)
    found = look(clip, frames, 1)
    assert found.same is None or overlap(found.same[None] * 20, mask(LEFT)) > 0.7


def test_similarity_has_nothing_to_learn() -> None:
    assert not list(network("similarity").parameters())


def test_similarity_is_not_trained() -> None:
    model = network("similarity")
    said = model(scene([(1, LEFT)]), words(1, 4), shown(1))
    truth = Truth(mask(LEFT).bool(), mask(LEFT).bool(), torch.tensor([[128, 192]]))
    with pytest.raises(UsageError, match="nothing to train"):
        model.losses(said, truth, TrainConfig())


def test_a_clip_is_answered_alike_alone_and_on_a_padded_canvas() -> None:
    model = network().eval()
    query, support = scene([(1, LEFT)], size=(96, 160)), shown(1)
    alone = model(query, words(1, 4), support)
    padded = []
    for level, stride in zip(query.maps, (4, 8, 16, 32), strict=True):
        wider = torch.full((*level.shape[:3], 160 // stride, 192 // stride), 5.0)
        wider[..., : level.shape[3], : level.shape[4]] = level
        padded.append(wider)
    first, second, third, fourth = padded
    wide = FramePyramid((first, second, third, fourth), query.size)
    said = model(wide, words(1, 4), support)
    assert torch.allclose(said.masks, alone.masks, atol=1e-6)


def test_twins_share_everything_but_the_choice() -> None:
    model = network().eval()
    query, support = scene([(1, LEFT), (1, RIGHT)]), shown(1)
    both = Support(stacked([support.frames] * 2), words(2, 4), support.masks.repeat(2, 1, 1, 1))
    together = model(stacked([query] * 2), words(2, 5), both)
    for row in range(2):
        told = words(2, 5).row(row)
        alone = model(query, told, support)
        assert torch.allclose(together.masks[row], alone.masks[0], atol=1e-5)


def trained(**options: object) -> tuple[AffinityNetwork, FramePyramid, Support]:
    """A network after a few steps on one pair of twins, their clip and support."""
    model = network(**options).train()
    assert isinstance(model, AffinityNetwork)
    query, support = scene([(1, LEFT), (1, RIGHT)]), shown(1)
    both = Support(stacked([support.frames] * 2), words(2, 4), support.masks.repeat(2, 1, 1, 1))
    described = torch.cat((mask(LEFT), mask(RIGHT))).bool()
    kind = described.any(0, keepdim=True).expand(2, -1, -1, -1)
    truth = Truth(described, kind, torch.tensor([[128, 192]] * 2), ((0, 1),))
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(40):
        said = model(stacked([query] * 2), words(2, 5), both)
        optimizer.zero_grad()
        model.losses(said, truth, TrainConfig()).total.backward()
        optimizer.step()
    return model.eval(), query, support


@pytest.mark.parametrize("mask_quality", [False, True])
def test_the_sentence_picks_among_twins_after_training(mask_quality: bool) -> None:
    model, query, support = trained(mask_quality=mask_quality)
    for row, (box, other) in enumerate(((LEFT, RIGHT), (RIGHT, LEFT))):
        said = model(query, words(2, 5).row(row), support)
        assert overlap(said.masks[:, :, 0], mask(box)) > 0.8
        assert overlap(said.masks[:, :, 0], mask(other)) < 0.1
        assert overlap(said.kind, mask(LEFT) + mask(RIGHT)) > 0.8


def test_without_a_choice_the_sentence_says_nothing() -> None:
    model, query, support = trained(sentence_choice=False)
    first, second = (model(query, words(2, 5).row(row), support) for row in range(2))
    assert torch.equal(first.masks, second.masks)


def test_a_sentence_never_adds_to_what_the_support_found() -> None:
    model, query, support = trained()
    said = model(query, words(1, 6, seed=4), support)
    assert (said.masks[:, :, 0] <= said.kind + 1e-4).all()


def test_mask_term_in_closed_form() -> None:
    true = torch.zeros(1, 1, 2, 2)
    true[..., 0] = 1
    logits = torch.zeros(1, 1, 2, 2)
    share = 0.5
    overlap_ = (2 * share + 1) / (4 * share + 2 - 2 * share + 1)
    expected = 0.3 * torch.log(torch.tensor(2.0)) + 2 * (1 - overlap_)
    assert float(mask_term(logits, true)) == pytest.approx(float(expected), abs=1e-6)
    nothing = torch.zeros_like(true)
    assert float(mask_term(logits, nothing)) == pytest.approx(0.3 * 0.6931, abs=1e-4)


def test_twins_told_apart_cost_nothing() -> None:
    true = torch.zeros(2, 1, 2, 2)
    true[0, ..., 0], true[1, ..., 1] = 1, 1
    assert float(told_apart((true - 0.5) * 80, true, [(0, 1)])) < 1e-6
    assert float(told_apart(torch.zeros_like(true), true, [(0, 1)])) == pytest.approx(
        0.6931, abs=1e-4
    )


def test_covered_shares_end_where_the_canvas_does() -> None:
    masks = torch.ones(1, 1, 10, 8, dtype=torch.bool)
    assert covered(masks, (3, 2)).tolist() == [[[[1, 1], [1, 1], [0.5, 0.5]]]]


def test_the_default_has_fewer_than_two_million_parameters() -> None:
    from configs.loading import load_config

    model = build_network(load_config("lite").model, (24, 40, 112, 320), 384)
    assert sum(parameter.numel() for parameter in model.parameters()) < 2_000_000


def test_an_absent_kind_is_taught_as_empty() -> None:
    model = network().train()
    query, support = scene([(1, LEFT)]), shown(3)
    empty = torch.zeros(1, 2, 128, 192, dtype=torch.bool)
    truth = Truth(empty, empty, torch.tensor([[128, 192]]))
    said = model(query, words(1, 4), support)
    losses = model.losses(said, truth, replace(TrainConfig()))
    assert isinstance(said, ComparedPrediction)
    assert said.judged[0] is not None
    foretold = said.judged[0].overlap.detach()
    assert float(losses.terms["loss_quality"].detach()) == pytest.approx(
        float(F.softplus(foretold).mean()), rel=1e-5
    )
    assert losses.terms["loss_objects"] == 0
